#include "base/map.h"

#include <stdio.h>

#include "support/test.h"

static void thousand_keys_come_and_go(void **state)
{
    (void)state;
    struct map map = {0};
    static int values[1000];

    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 1000; i++) {
            char key[16];
            int len = snprintf(key, sizeof(key), "key-%d", i);
            assert_null(map_put(&map, (struct text){key, (size_t)len}, &values[i]));
        }
        assert_int_equal(map.count, 1000);
        assert_ptr_equal(map_get(&map, TEXT("key-999")), &values[999]);
        assert_null(map_get(&map, TEXT("key-1000")));

        size_t seen = 0;
        for (size_t position = 0; map_next(&map, &position);)
            seen++;
        assert_int_equal(seen, 1000);

        for (int i = 0; i < 1000; i++) {
            char key[16];
            int len = snprintf(key, sizeof(key), "key-%d", i);
            assert_ptr_equal(map_remove(&map, (struct text){key, (size_t)len}), &values[i]);
        }
        assert_int_equal(map.count, 0);
    }
    map_deinit(&map);
}

static void put_replaces_and_returns_the_old(void **state)
{
    (void)state;
    struct map map = {0};
    int a, b;

    assert_null(map_put_u64(&map, 0, &a));
    assert_ptr_equal(map_put_u64(&map, 0, &b), &a);
    assert_ptr_equal(map_get_u64(&map, 0), &b);
    assert_int_equal(map.count, 1);
    assert_ptr_equal(map_remove_u64(&map, 0), &b);
    assert_null(map_remove_u64(&map, 0));
    map_deinit(&map);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST_CASE(thousand_keys_come_and_go),
        TEST_CASE(put_replaces_and_returns_the_old),
    };
    return RUN_TESTS("base_map", tests);
}
