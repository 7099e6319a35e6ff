#include "edge/recordings.h"

#include "base/mem.h"
#include "http/http.h"
#include "loop/pool.h"
#include "record/record.h"

enum {
    CHUNK_LEN = 128 * 1024,
    TRANSFERS_MAX = 1024, /* of one edge: each holds a descriptor and a chunk */
};

struct recordings {
    struct loop *loop;
    struct pool *pool;
    const char *root;
    size_t open_count; /* transfers */
    bool is_gone;      /* destroyed: released with the last transfer */
};

/* One answer. It outlives its request when the client leaves while the pool works for it. */
struct transfer {
    struct pool_job job;
    struct recordings *recordings;
    struct http_request *request; /* NULL: the client is gone */
    struct record_name name;
    struct record_file file;
    bool is_open;
    bool is_busy; /* the pool has it */
    uint64_t offset;
    uint64_t left; /* bytes of the answer from there on */
    struct buf *chunk;
    enum err err;
};

struct recordings *recordings_create(struct loop *loop, struct pool *pool, const char *root)
{
    struct recordings *recordings = mem_zalloc(sizeof(*recordings));

    recordings->loop = loop;
    recordings->pool = pool;
    recordings->root = root;
    return recordings;
}

static void release_if_gone(struct recordings *recordings)
{
    if (recordings->is_gone && recordings->open_count == 0)
        mem_free(recordings);
}

void recordings_destroy(struct recordings *recordings)
{
    recordings->is_gone = true;
    release_if_gone(recordings);
}

static void release(struct transfer *transfer)
{
    struct recordings *recordings = transfer->recordings;

    if (transfer->is_open)
        record_file_close(&transfer->file);
    buf_unref(transfer->chunk);
    recordings->open_count--;
    mem_free(transfer);
    release_if_gone(recordings);
}

static void on_cancel(struct http_request *request)
{
    struct transfer *transfer = request->owner;

    transfer->request = NULL;
    if (!transfer->is_busy)
        release(transfer);
}

static void respond_busy(struct http_request *request)
{
    static const struct http_header_line lines[] = {{"Retry-After", TEXT_INIT("2")}};
    const struct http_response response = {.status = 503, .headers = lines, .headers_count = 1};

    http_respond_problem_with(
        request, &response,
        TEXT("Too many recordings are being sent now. Try again in some seconds."));
}

/* Hands the transfer to the pool; false: it is too busy. */
static bool submit(struct transfer *transfer, void (*work)(struct pool_job *job),
                   void (*done)(struct pool_job *job))
{
    transfer->job.work = work;
    transfer->job.done = done;
    transfer->is_busy =
        pool_submit(transfer->recordings->pool, transfer->recordings->loop, &transfer->job) == OK;
    return transfer->is_busy;
}

/* ---- the body ---- */

static void work_read(struct pool_job *job)
{
    struct transfer *transfer = CONTAINER_OF(job, struct transfer, job);

    transfer->err = record_file_read(&transfer->file, transfer->offset, transfer->chunk->data,
                                     transfer->chunk->len);
}

static void done_read(struct pool_job *job);

static void read_next(struct transfer *transfer)
{
    size_t len = transfer->left < CHUNK_LEN ? (size_t)transfer->left : CHUNK_LEN;

    transfer->chunk = buf_create(len);
    if (submit(transfer, work_read, done_read))
        return;
    http_stream_abort(transfer->request);
    release(transfer);
}

/* The client has taken what it got. */
static void on_drain(struct http_request *request)
{
    struct transfer *transfer = request->owner;

    if (!transfer->is_busy && !transfer->chunk)
        read_next(transfer);
}

static void done_read(struct pool_job *job)
{
    struct transfer *transfer = CONTAINER_OF(job, struct transfer, job);
    struct http_request *request = transfer->request;

    transfer->is_busy = false;
    if (request && transfer->err) /* deleted or cut meanwhile: the client sees that it is short */
        http_stream_abort(request);
    if (!request || transfer->err) {
        release(transfer);
        return;
    }
    struct slice slice = slice_take(transfer->chunk);
    transfer->chunk = NULL;
    transfer->offset += slice.len;
    transfer->left -= slice.len;
    enum err err = http_stream_write(request, &slice, 1);
    if (err || transfer->left == 0) {
        if (err) /* not with one chunk at a time */
            http_stream_abort(request);
        else
            http_stream_end(request);
        release(transfer);
        return;
    }
    if (http_stream_queued_len(request) == 0)
        read_next(transfer);
}

/* ---- the head ---- */

static void work_open(struct pool_job *job)
{
    struct transfer *transfer = CONTAINER_OF(job, struct transfer, job);

    transfer->err = record_file_open(transfer->recordings->root, &transfer->name, &transfer->file);
    transfer->is_open = transfer->err == OK;
}

static void respond_error(struct http_request *request, enum err err)
{
    if (err == ERR_NOT_FOUND)
        http_respond_problem(request, 404, TEXT("There is no such recording."));
    else
        http_respond_problem(request, 500, TEXT("The recording cannot be read."));
}

static void done_open(struct pool_job *job)
{
    struct transfer *transfer = CONTAINER_OF(job, struct transfer, job);
    const struct record_file *file = &transfer->file;
    struct http_request *request = transfer->request;

    transfer->is_busy = false;
    if (request && transfer->err)
        respond_error(request, transfer->err);
    if (!request || transfer->err) {
        release(transfer);
        return;
    }
    bool is_list = transfer->name.file == 0;
    const struct http_response response = {
        .content_type = is_list ? "application/vnd.apple.mpegurl" : "video/mp4",
        /* A list may get a new end when the recording goes on; a file never changes again. */
        .cache_control =
            file->is_final && !is_list ? "public, max-age=31536000, immutable" : "no-cache",
        .etag = text_of(file->etag),
    };
    if (http_respond_file(request, &response, file->len, on_cancel, on_drain, &transfer->offset,
                          &transfer->left))
        read_next(transfer);
    else
        release(transfer);
}

void recordings_serve(struct recordings *recordings, struct http_request *request)
{
    struct record_name name;

    if (!recordings->pool ||
        !record_name_parse(request->params[0], request->params[1], request->params[2], &name)) {
        respond_error(request, ERR_NOT_FOUND);
        return;
    }
    if (recordings->open_count >= TRANSFERS_MAX) {
        respond_busy(request);
        return;
    }
    struct transfer *transfer = mem_zalloc(sizeof(*transfer));
    transfer->recordings = recordings;
    transfer->request = request;
    transfer->name = name;
    recordings->open_count++;
    if (!submit(transfer, work_open, done_open)) {
        respond_busy(request);
        release(transfer);
        return;
    }
    request->owner = transfer;
    http_suspend(request, on_cancel);
}
