/*
 * health - the light of a relay: a table of rules over the numbers, each with the sentence that
 * tells the seller what to do.
 *
 * A rule measures one number. It is raised when the number has been past `raise` for `raise_after`,
 * and cleared when it has been back past `clear` for `clear_after`: the gap between the two and the
 * times keep the light from flickering. The first raised rule of the worst level gives the light
 * and the sentence, so within a level the cause stands before its consequence.
 */
#include <math.h>

#include "base/clock.h"
#include "base/writer.h"
#include "channel/directory.h"

enum side { ABOVE = 1, BELOW };

struct measure {
    const struct channel_stats *stats;
    int64_t now_us;
};

struct rule {
    enum health level;
    enum side bad; /* the side of `raise` that is bad */
    double raise;
    double clear;
    int64_t raise_after_us;
    int64_t clear_after_us;
    double (*measure)(const struct measure *m); /* NAN: not known, clears */
    const char *sentence;                       /* '#' stands for the measured value */
    const char *sentence_browser;               /* for WHIP; NULL: the same */
    int decimals;
};

static double known(double value)
{
    return value >= 0 ? value : (double)NAN;
}

static double silence_s(const struct measure *m)
{
    return (double)(m->now_us - m->stats->last_packet_us) / (double)US_PER_S;
}

static double video_missing(const struct measure *m)
{
    return m->stats->has_video ? 0 : 1;
}

static double audio_missing(const struct measure *m)
{
    return m->stats->has_audio ? 0 : 1;
}

static double keyframe_interval_s(const struct measure *m)
{
    return known(m->stats->keyframe_interval_ms / 1000.0);
}

static double loss_percent(const struct measure *m)
{
    return known(m->stats->packet_loss * 100);
}

static double rtt_ms(const struct measure *m)
{
    return known(m->stats->rtt_ms);
}

/* A still picture needs few bits: only when the pictures do not come either is it the upload. */
static double starved_kbps(const struct measure *m)
{
    bool is_starved = m->stats->has_video && m->stats->fps < 15;

    return is_starved ? known(m->stats->bitrate_kbps) : (double)NAN;
}

static double bitrate_percent(const struct measure *m)
{
    if (m->stats->target_bitrate_kbps <= 0 || m->stats->bitrate_kbps < 0)
        return (double)NAN;
    return 100.0 * m->stats->bitrate_kbps / m->stats->target_bitrate_kbps;
}

static double fps(const struct measure *m)
{
    return m->stats->has_video ? known(m->stats->fps) : (double)NAN;
}

static double fps_percent(const struct measure *m)
{
    if (m->stats->nominal_fps <= 0 || m->stats->fps < 0)
        return (double)NAN;
    return 100 * m->stats->fps / m->stats->nominal_fps;
}

static double b_frames(const struct measure *m)
{
    return m->stats->has_b_frames ? 1 : 0;
}

static double part_delay_ms(const struct measure *m)
{
    return known(m->stats->part_delay_ms);
}

#define S(seconds) ((int64_t)(seconds)*US_PER_S)

/* clang-format off */
static const struct rule rules[] = {
    {HEALTH_POOR, ABOVE, 3, 1, 0, S(1), silence_s,
     "Nothing has arrived for # s: check the connection of the encoder.",
     "Nothing has arrived for # s: check the connection, and keep the studio tab open.", 0},
    {HEALTH_POOR, ABOVE, 0.5, 0.5, S(5), 0, video_missing,
     "No picture arrives: add a video source in the encoder.",
     "No picture arrives: allow the camera in the browser and choose it in the studio.", 0},
    {HEALTH_POOR, ABOVE, 5, 3, S(3), S(5), loss_percent,
     "# % of the data is lost on the way: use a cable instead of Wi-Fi, or lower the bitrate.",
     "# % of the data is lost on the way: use a cable instead of Wi-Fi, or move closer to the "
     "router.", 1},
    {HEALTH_POOR, BELOW, 40, 50, S(5), S(5), bitrate_percent,
     "Only # % of the set bitrate arrives: the upload is too slow, lower the bitrate in the "
     "encoder.",
     "Only # % of the wanted bitrate arrives: the upload is too slow, choose a lower "
     "resolution.", 0},
    {HEALTH_POOR, BELOW, 150, 200, S(8), S(5), starved_kbps,
     "Only # kbit/s arrive: raise the bitrate in the encoder, or check the upload.",
     "Only # kbit/s arrive: the upload is too slow, close what else uses it.", 0},
    {HEALTH_POOR, BELOW, 8, 10, S(5), S(5), fps,
     "Only # pictures a second arrive: the encoder is overloaded, lower its resolution.",
     "Only # pictures a second arrive: close other programs, or choose a lower resolution.", 0},
    {HEALTH_POOR, ABOVE, 6.5, 5.5, 0, S(5), keyframe_interval_s,
     "Key frames are # s apart: set the keyframe interval to 2 s in OBS.",
     "Key frames are # s apart: the browser is overloaded, choose a lower resolution.", 0},
    {HEALTH_POOR, ABOVE, 2000, 1500, S(3), S(5), part_delay_ms,
     "The stream arrives in bursts, # ms late: check the upload.", NULL, 0},
    {HEALTH_POOR, ABOVE, 1000, 800, S(5), S(5), rtt_ms,
     "The way to the server takes # ms: the connection is overloaded or very far.", NULL, 0},

    {HEALTH_FAIR, ABOVE, 0.5, 0.5, S(5), 0, audio_missing,
     "No sound arrives: add an audio source in the encoder.",
     "No sound arrives: allow the microphone in the browser and choose it in the studio.", 0},
    {HEALTH_FAIR, ABOVE, 1, 0.5, S(3), S(5), loss_percent,
     "# % of the data is lost on the way: use a cable instead of Wi-Fi.", NULL, 1},
    {HEALTH_FAIR, BELOW, 70, 80, S(5), S(5), bitrate_percent,
     "Only # % of the set bitrate arrives: lower the bitrate in the encoder.",
     "Only # % of the wanted bitrate arrives: close what else uses the upload.", 0},
    {HEALTH_FAIR, BELOW, 75, 85, S(5), S(5), fps_percent,
     "Only # % of the pictures arrive in time: lower the resolution or frame rate in the "
     "encoder.",
     "Only # % of the pictures arrive in time: close other programs, or choose a lower "
     "resolution.", 0},
    {HEALTH_FAIR, ABOVE, 4.5, 4.2, 0, S(5), keyframe_interval_s,
     "Key frames are # s apart: set the keyframe interval to 2 s in OBS.",
     "Key frames are # s apart: the browser is overloaded, choose a lower resolution.", 0},
    {HEALTH_FAIR, ABOVE, 600, 450, S(3), S(5), part_delay_ms,
     "The stream arrives in bursts, # ms late: check the upload.", NULL, 0},
    {HEALTH_FAIR, ABOVE, 400, 300, S(5), S(5), rtt_ms,
     "The way to the server takes # ms: choose a server that is closer, or use a cable.", NULL,
     0},
    {HEALTH_FAIR, ABOVE, 0.5, 0.5, S(2), S(5), b_frames,
     "The encoder sends B-frames, which cost latency: set B-frames to 0, or the tune to "
     "zerolatency.", NULL, 0},
};
/* clang-format on */

enum { RULE_COUNT = sizeof(rules) / sizeof(rules[0]) };
_Static_assert((int)RULE_COUNT <= (int)HEALTH_RULES_MAX,
               "struct health_state has room for each rule");

const char *health_name(enum health health)
{
    static const char *const names[] = {
        [HEALTH_GOOD] = "good",
        [HEALTH_FAIR] = "fair",
        [HEALTH_POOR] = "poor",
    };

    return names[health];
}

static bool is_past(const struct rule *rule, double value, double border)
{
    return rule->bad == ABOVE ? value > border : value < border;
}

/* True when the rule should change from what it is now. */
static bool wants_change(const struct rule *rule, double value, bool is_raised)
{
    if (isnan(value))
        return is_raised;
    return is_raised ? !is_past(rule, value, rule->clear) : is_past(rule, value, rule->raise);
}

static void update_rule(struct health_state *state, size_t i, double value, int64_t now_us)
{
    bool is_raised = state->raised >> i & 1;
    int64_t after_us = is_raised ? rules[i].clear_after_us : rules[i].raise_after_us;

    if (!wants_change(&rules[i], value, is_raised)) {
        state->changing_since_us[i] = 0;
        return;
    }
    if (state->changing_since_us[i] == 0)
        state->changing_since_us[i] = now_us ? now_us : -1; /* 0 means: does not change */
    if (now_us - state->changing_since_us[i] < after_us)
        return;
    state->raised ^= UINT32_C(1) << i;
    state->changing_since_us[i] = 0;
}

/* '#' in the sentence stands for the number. */
static void write_sentence(char to[STORE_REASON_LEN_MAX + 1], const struct rule *rule, double value,
                           enum ingest ingest)
{
    bool is_browser = ingest == INGEST_WHIP && rule->sentence_browser;
    struct text rest = text_of(is_browser ? rule->sentence_browser : rule->sentence);
    struct writer w = writer_fixed(to, STORE_REASON_LEN_MAX);

    writer_text(&w, text_cut(&rest, '#'));
    if (rest.len != 0) {
        writer_printf(&w, "%.*f", rule->decimals, value);
        writer_text(&w, rest);
    }
    to[w.len] = '\0';
}

static void show(struct health_state *state, size_t i, double value, enum ingest ingest)
{
    const struct rule *rule = &rules[i];
    bool is_bad_now = !isnan(value) && is_past(rule, value, rule->clear);

    state->health = rule->level;
    if (!is_bad_now && state->shown == i + 1)
        return; /* about to clear: the number that was bad stays */
    write_sentence(state->reason, rule, is_bad_now ? value : rule->raise, ingest);
    state->shown = (uint8_t)(i + 1);
}

void health_update(struct health_state *state, const struct channel_stats *stats,
                   enum ingest ingest, int64_t now_us)
{
    const struct measure measure = {stats, now_us};
    double values[RULE_COUNT];
    size_t worst = RULE_COUNT;

    for (size_t i = 0; i < RULE_COUNT; i++) {
        values[i] = rules[i].measure(&measure);
        update_rule(state, i, values[i], now_us);
        if ((state->raised >> i & 1) &&
            (worst == RULE_COUNT || rules[i].level > rules[worst].level))
            worst = i;
    }
    if (worst != RULE_COUNT) {
        show(state, worst, values[worst], ingest);
        return;
    }
    state->health = HEALTH_GOOD;
    state->reason[0] = '\0';
    state->shown = 0;
}
