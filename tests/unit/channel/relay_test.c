#include "channel/relay.h"

#include "support/test.h"

/* The whole machine again, written another way: a row a state, a column an event.
 *   digit: the state that follows (1 idle ... 7 error)   '-': ignored   'x': refused */
/* clang-format off */
static const char *const expected[RELAY_STATE_END] = {
    /*                       start publish media lost end stopped timeout long failed delete */
    [RELAY_IDLE]         = "2" "2" "-" "-" "-" "-" "-" "-" "-" "1",
    [RELAY_STARTING]     = "x" "2" "3" "-" "5" "-" "7" "5" "7" "x",
    [RELAY_ACTIVE]       = "x" "4" "-" "4" "5" "-" "-" "5" "7" "x",
    [RELAY_RECONNECTING] = "x" "4" "3" "-" "5" "-" "5" "5" "7" "x",
    [RELAY_STOPPING]     = "x" "x" "-" "-" "-" "6" "6" "-" "-" "x",
    [RELAY_STOPPED]      = "2" "2" "-" "-" "-" "-" "-" "-" "-" "6",
    [RELAY_ERROR]        = "2" "2" "-" "-" "-" "-" "-" "-" "-" "7",
};
/* clang-format on */

static char verdict_char(const struct relay_rule *rule)
{
    if (rule->verdict == RELAY_GO)
        return (char)('0' + (int)rule->to);
    return rule->verdict == RELAY_REFUSE ? 'x' : '-';
}

static void each_state_answers_each_event_as_drawn(void **state)
{
    (void)state;
    for (enum relay_state at = RELAY_IDLE; at < RELAY_STATE_END; at++) {
        for (enum relay_event event = 1; event < RELAY_EVENT_ENUM_END; event++) {
            char got = verdict_char(relay_rule_of(at, event));

            if (got != expected[at][event - 1])
                fail_msg("state %s, event %d: '%c'", relay_state_name(at), (int)event, got);
        }
    }
}

static void each_refusal_has_a_sentence_and_each_change_a_reason(void **state)
{
    (void)state;
    for (enum relay_state at = RELAY_IDLE; at < RELAY_STATE_END; at++) {
        for (enum relay_event event = 1; event < RELAY_EVENT_ENUM_END; event++) {
            const struct relay_rule *rule = relay_rule_of(at, event);
            bool keeps_reason = at == RELAY_STOPPING; /* why it stops is why it stopped */

            if (rule->verdict == RELAY_REFUSE)
                assert_non_null(rule->reason);
            if (rule->verdict == RELAY_GO && rule->to != at && !keeps_reason)
                assert_non_null(rule->reason);
        }
    }
}

static void broadcasts_begin_and_end_exactly_with_active_states(void **state)
{
    (void)state;
    for (enum relay_state at = RELAY_IDLE; at < RELAY_STATE_END; at++) {
        for (enum relay_event event = 1; event < RELAY_EVENT_ENUM_END; event++) {
            const struct relay_rule *rule = relay_rule_of(at, event);

            if (rule->verdict != RELAY_GO)
                continue;
            bool begins = !relay_state_is_active(at) && relay_state_is_active(rule->to);
            bool ends = relay_state_is_active(at) && !relay_state_is_active(rule->to);
            assert_int_equal(begins, rule->action == RELAY_ACT_BEGIN);
            assert_int_equal(ends,
                             rule->action == RELAY_ACT_FINISH || rule->action == RELAY_ACT_FAIL);
        }
    }
}

static void names_are_read_back(void **state)
{
    (void)state;
    for (enum relay_state at = RELAY_IDLE; at < RELAY_STATE_END; at++)
        assert_int_equal(relay_state_parse(text_of(relay_state_name(at))), at);
    assert_int_equal(relay_state_parse(TEXT("dancing")), RELAY_IDLE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST_CASE(each_state_answers_each_event_as_drawn),
        TEST_CASE(each_refusal_has_a_sentence_and_each_change_a_reason),
        TEST_CASE(broadcasts_begin_and_end_exactly_with_active_states),
        TEST_CASE(names_are_read_back),
    };
    return RUN_TESTS("channel_relay", tests);
}
