#include "base/jsonw.h"

#include "base/writer.h"
#include "support/test.h"

static void commas_stand_where_they_belong(void **state)
{
    (void)state;
    char memory[200];
    struct writer w = writer_fixed(memory, sizeof(memory));
    struct jsonw j = jsonw_of(&w);

    jsonw_object_begin(&j);
    jsonw_member_u64(&j, "id", 7);
    jsonw_key(&j, "list");
    jsonw_array_begin(&j);
    jsonw_bool(&j, true);
    jsonw_null(&j);
    jsonw_array_begin(&j);
    jsonw_array_end(&j);
    jsonw_array_end(&j);
    jsonw_member_str(&j, "none", NULL);
    jsonw_key(&j, "fps");
    jsonw_double(&j, 29.97, 2);
    jsonw_object_end(&j);
    assert_text(writer_as_text(&w),
                "{\"id\":7,\"list\":[true,null,[]],\"none\":null,\"fps\":29.97}");
}

static void strings_are_always_valid(void **state)
{
    (void)state;
    char memory[200];
    struct writer w = writer_fixed(memory, sizeof(memory));

    jsonw_write_string(&w, TEXT("a\"b\\c\n\x01\xc3\xbc\xff\xc3"));
    assert_text(writer_as_text(&w), "\"a\\\"b\\\\c\\n\\u0001\xc3\xbc\xef\xbf\xbd\xef\xbf\xbd\"");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST_CASE(commas_stand_where_they_belong),
        TEST_CASE(strings_are_always_valid),
    };
    return RUN_TESTS("base_jsonw", tests);
}
