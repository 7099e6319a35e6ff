/*
 * Stands before libx264 in a Firefox that sends by it (LD_PRELOAD, see firefox.mjs): no look ahead,
 * little work.
 *
 * Firefox expects of the system's encoder what hardware does: each picture at once. libx264 keeps
 * some 40 pictures to look at first, unless told not to, and takes long for each; what comes late
 * Firefox throws away, and not one packet is sent.
 */
#include <dlfcn.h>
#include <stddef.h>

/* The parameters of x264, whose header is not needed for this. */
struct x264_param;
typedef void *open_fn(struct x264_param *param);
typedef int parse_fn(struct x264_param *param, const char *name, const char *value);

void *x264_encoder_open_164(struct x264_param *param);

void *x264_encoder_open_164(struct x264_param *param)
{
    static const char *const options[][2] = {
        /* its tune "zerolatency" */
        {"rc-lookahead", "0"},
        {"sync-lookahead", "0"},
        {"mbtree", "0"},
        {"sliced-threads", "1"},
        {"bframes", "0"},
        /* and the most of its preset "ultrafast" */
        {"analyse", "none"},
        {"aq-mode", "0"},
        {"me", "dia"},
        {"ref", "1"},
        {"scenecut", "0"},
        {"subme", "0"},
        {"trellis", "0"},
        {"weightp", "0"},
    };
    void *library = dlopen("libx264.so.164", RTLD_NOW);
    if (!library)
        return NULL;
    open_fn *open_encoder = (open_fn *)dlsym(library, "x264_encoder_open_164");
    parse_fn *parse = (parse_fn *)dlsym(library, "x264_param_parse");
    for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++)
        parse(param, options[i][0], options[i][1]);
    return open_encoder(param);
}
