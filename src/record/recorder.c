/* The media loop's end of the recordings: which segments belong to which, and what waits for the
 * thread. */
#include <assert.h>
#include <stdatomic.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/list.h"
#include "base/log.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/writer.h"
#include "hls/hls.h"
#include "loop/pool.h"
#include "record/folder.h"
#include "record/record.h"
#include "record/shelf.h"

struct recorder {
    struct loop *loop;
    struct pool *pool;
    struct recorder_config config;
    const struct recorder_handler *handler;
    void *ctx;
    struct list recordings;
    struct map by_channel; /* the newest of each channel, while its broadcast lives */
    size_t queued_bytes;
    size_t jobs;      /* on their way */
    bool is_stepping; /* a step is one of them */
    struct recorder_counters counters;
    bool is_closing;
    void (*on_closed)(void *ctx);
    void *on_closed_ctx;

    struct shelf shelf; /* the thread's */
    atomic_bool drops;  /* asked of the thread: write no more segments */
};

struct recording {
    struct recorder *recorder;
    struct list_node node; /* in recorder->recordings */
    struct record_status status;
    uint64_t next_msn; /* segments before it are not wanted, or queued already */
    bool has_any;      /* a segment was queued since the (last) start */
    bool is_finishing; /* the last job is queued */
    bool is_over;      /* the broadcast is */
    bool is_awaited;   /* recorder_end() asked to be told */
    size_t queued_bytes;
    size_t jobs;

    /* The thread's, while there are jobs. */
    bool is_open;
    bool has_failed;
    struct record_folder folder;
};

enum job_kind { JOB_APPEND = 1, JOB_FINISH, JOB_STEP, JOB_DELETE };

struct record_job {
    struct pool_job job;
    struct recorder *recorder;
    enum job_kind kind;
    struct recording *recording; /* APPEND, FINISH */
    struct hls_segment *segment; /* APPEND */
    bool is_gap;                 /* segments before it are missing */
    int64_t target_duration_us;
    bool retries;        /* STEP */
    uint64_t channel_id; /* DELETE */
    uint64_t broadcast_id;
    int64_t now_us; /* wall clock */

    /* The result. */
    enum err err;
    struct diag diag;
    bool has_more;
    bool is_known; /* the two that follow */
    uint64_t bytes;
    int64_t duration_us;
    uint64_t shelf_bytes;
    uint64_t shelf_count;
    struct shelf_events events;
};

/* ---- on the thread ---- */

static enum err open_recording(struct record_job *job)
{
    struct recording *recording = job->recording;
    struct shelf *shelf = &job->recorder->shelf;
    enum err err = shelf_open(shelf, true, &job->diag);

    if (!err)
        err = folder_open(&recording->folder, shelf->root, recording->status.channel_id,
                          recording->status.broadcast_id, &job->diag);
    if (err)
        return err;
    shelf_begin(shelf, recording->status.channel_id, recording->status.broadcast_id);
    recording->is_open = true;
    return OK;
}

static enum err append(struct record_job *job)
{
    struct recording *recording = job->recording;
    struct shelf *shelf = &job->recorder->shelf;
    uint64_t bytes_max = job->recorder->config.bytes_max;
    enum err err = recording->is_open ? OK : open_recording(job);

    if (err)
        return err;
    if (shelf_make_room(shelf, job->segment->len + job->segment->init->body->len, bytes_max,
                        &job->events) != OK) {
        diag_set(&job->diag, "The %llu MB for recordings (record.max_bytes) are used up.",
                 (unsigned long long)(bytes_max / 1000000));
        return ERR_LIMIT;
    }
    err = folder_append(&recording->folder, job->segment, job->is_gap, job->target_duration_us,
                        &job->diag);
    shelf_set_bytes(shelf, recording->status.broadcast_id, folder_bytes(&recording->folder));
    return err;
}

static void work_append(struct record_job *job)
{
    struct recording *recording = job->recording;

    if (recording->has_failed || atomic_load(&job->recorder->drops)) {
        job->err = ERR_CLOSED; /* told already, or nobody is left to hear it */
        return;
    }
    job->err = append(job);
    recording->has_failed = job->err != OK;
    job->is_known = recording->is_open;
    job->bytes = folder_bytes(&recording->folder);
    job->duration_us = recording->folder.duration_us;
}

static void work_finish(struct record_job *job)
{
    struct recording *recording = job->recording;
    struct record_folder *folder = &recording->folder;

    if (!recording->is_open)
        return;
    job->err = folder_finish(folder, &job->diag);
    job->is_known = true;
    job->bytes = folder->playlist_len ? folder_bytes(folder) : 0;
    job->duration_us = folder->duration_us;
    shelf_set_bytes(&job->recorder->shelf, folder->broadcast_id, job->bytes);
    shelf_end(&job->recorder->shelf, folder->broadcast_id, job->err == OK, job->now_us);
    folder_deinit(folder);
    recording->is_open = false;
}

static void work_step(struct record_job *job)
{
    struct shelf *shelf = &job->recorder->shelf;
    enum err err = shelf_open(shelf, false, &job->diag);

    if (err == OK)
        job->has_more =
            shelf_step(shelf, &job->recorder->config, job->now_us, job->retries, &job->events);
    else if (err != ERR_NOT_FOUND)
        job->err = err;
}

static void work_delete(struct record_job *job)
{
    if (shelf_open(&job->recorder->shelf, false, &job->diag) == OK)
        job->has_more =
            shelf_delete(&job->recorder->shelf, job->channel_id, job->broadcast_id, &job->events);
}

static void work(struct pool_job *pool_job)
{
    struct record_job *job = CONTAINER_OF(pool_job, struct record_job, job);

    switch (job->kind) {
    case JOB_APPEND:
        work_append(job);
        break;
    case JOB_FINISH:
        work_finish(job);
        break;
    case JOB_STEP:
        work_step(job);
        break;
    case JOB_DELETE:
        work_delete(job);
        break;
    }
    job->shelf_bytes = job->recorder->shelf.bytes;
    job->shelf_count = job->recorder->shelf.items.count;
}

/* ---- jobs, on the loop ---- */

static void on_done(struct pool_job *pool_job);

static struct record_job *make_job(struct recorder *recorder, enum job_kind kind)
{
    struct record_job *job = mem_zalloc(sizeof(*job));

    job->job.work = work;
    job->job.done = on_done;
    job->recorder = recorder;
    job->kind = kind;
    job->now_us = clock_wall_us();
    return job;
}

/* False: the queue is full, and the job is released. */
static bool submit(struct record_job *job)
{
    struct recorder *recorder = job->recorder;

    if (pool_submit(recorder->pool, recorder->loop, &job->job) != OK) {
        hls_segment_unref(job->segment);
        mem_free(job);
        return false;
    }
    recorder->jobs++;
    if (job->recording)
        job->recording->jobs++;
    return true;
}

static void submit_step(struct recorder *recorder, bool retries)
{
    if (recorder->is_stepping || recorder->is_closing)
        return;
    struct record_job *job = make_job(recorder, JOB_STEP);
    job->retries = retries;
    recorder->is_stepping = submit(job); /* else the next minute's */
}

/* ---- one recording ---- */

static void tell(const struct recording *recording)
{
    struct recorder *recorder = recording->recorder;

    recorder->handler->on_status(recorder->ctx, &recording->status);
}

static struct recording *create_recording(struct recorder *recorder, uint64_t channel_id,
                                          uint64_t broadcast_id)
{
    struct recording *recording = mem_zalloc(sizeof(*recording));

    recording->recorder = recorder;
    recording->status.channel_id = channel_id;
    recording->status.broadcast_id = broadcast_id;
    list_push_back(&recorder->recordings, &recording->node);
    (void)map_put_u64(&recorder->by_channel, channel_id, recording); /* whoever calls has looked */
    return recording;
}

/* Also for one that was ended and goes on. */
static void begin(struct recording *recording, uint64_t next_msn)
{
    recording->status.state = RECORD_RUNNING;
    recording->status.started_at_us = clock_wall_us();
    recording->status.is_final = false;
    recording->status.reason[0] = '\0';
    recording->next_msn = next_msn;
    recording->has_any = false;
    recording->is_finishing = false;
    recording->has_failed = false;
    recording->recorder->counters.running++;
    log_info("recording_begins", LOG_U64("channel", recording->status.channel_id),
             LOG_U64("broadcast", recording->status.broadcast_id));
    tell(recording);
}

/* It is not the channel's any more; the jobs on their way still need it. */
static void detach(struct recording *recording)
{
    struct map *by_channel = &recording->recorder->by_channel;

    if (map_get_u64(by_channel, recording->status.channel_id) == recording)
        (void)map_remove_u64(by_channel, recording->status.channel_id);
}

static void release_if_done(struct recording *recording)
{
    if (recording->jobs || !recording->is_over || !recording->status.is_final)
        return;
    detach(recording);
    list_unlink(&recording->node);
    mem_free(recording);
}

/* Lets the files get their end behind all that waits. */
static void finish(struct recording *recording)
{
    struct record_job *job;

    if (recording->is_finishing)
        return;
    job = make_job(recording->recorder, JOB_FINISH);
    job->recording = recording;
    recording->is_finishing = submit(job); /* else recorder_tidy() tries again */
}

static void end(struct recording *recording)
{
    if (recording->status.state != RECORD_RUNNING)
        return;
    recording->status.state = RECORD_ENDED;
    recording->recorder->counters.running--;
    finish(recording);
}

static void fail(struct recording *recording, const char *reason)
{
    if (recording->status.state != RECORD_RUNNING)
        return;
    recording->status.state = RECORD_FAILED;
    (void)snprintf(recording->status.reason, sizeof(recording->status.reason), "%s", reason);
    recording->recorder->counters.running--;
    recording->recorder->counters.failed++;
    log_error("recording_failed", LOG_U64("channel", recording->status.channel_id),
              LOG_U64("broadcast", recording->status.broadcast_id), LOG_STR("reason", reason),
              LOG_STR("effect", "the broadcast goes on without it"));
    tell(recording);
    finish(recording);
}

static void queue_segment(struct recording *recording, const struct hls_segment *segment,
                          int64_t target_duration_us)
{
    struct recorder *recorder = recording->recorder;
    struct record_job *job;

    if (recording->queued_bytes + segment->len > RECORD_QUEUE_BYTES_MAX ||
        recorder->queued_bytes + segment->len > RECORD_QUEUE_TOTAL_MAX) {
        fail(recording, "The disk for recordings is too slow: too much waited to be written.");
        return;
    }
    job = make_job(recorder, JOB_APPEND);
    job->recording = recording;
    job->segment = hls_segment_ref(segment);
    job->is_gap = recording->has_any && segment->msn != recording->next_msn;
    job->target_duration_us = target_duration_us;
    if (!submit(job)) {
        fail(recording, "The disk for recordings is too slow: too much waited to be written.");
        return;
    }
    recording->queued_bytes += segment->len;
    recorder->queued_bytes += segment->len;
    recording->has_any = true;
    recording->next_msn = segment->msn + 1;
}

/* ---- what the thread has done ---- */

static void note_size(struct recording *recording, const struct record_job *job)
{
    if (!job->is_known)
        return;
    recording->status.bytes = job->bytes;
    recording->status.duration_us = job->bytes ? job->duration_us : 0;
}

static void on_appended(struct recording *recording, const struct record_job *job)
{
    recording->queued_bytes -= job->segment->len;
    recording->recorder->queued_bytes -= job->segment->len;
    if (job->err == ERR_CLOSED)
        return;
    note_size(recording, job);
    if (job->err)
        fail(recording, job->diag.message);
    else if (recording->status.state == RECORD_RUNNING)
        tell(recording);
}

static void on_finished(struct recording *recording, const struct record_job *job)
{
    struct record_status *status = &recording->status;

    note_size(recording, job);
    status->is_final = true;
    status->is_broadcast_over = recording->is_awaited;
    if (job->err) {
        log_error("recording_not_finished", LOG_U64("channel", status->channel_id),
                  LOG_U64("broadcast", status->broadcast_id), LOG_STR("reason", job->diag.message),
                  LOG_STR("effect", "it is tried again each minute"));
        status->state = RECORD_FAILED;
        if (!status->reason[0])
            (void)snprintf(status->reason, sizeof(status->reason), "%s", job->diag.message);
    } else {
        log_info("recording_ends", LOG_U64("channel", status->channel_id),
                 LOG_U64("broadcast", status->broadcast_id), LOG_U64("bytes", status->bytes),
                 LOG_I64("duration_ms", status->duration_us / US_PER_MS));
    }
    tell(recording);
}

static void tell_repaired(struct recorder *recorder, const struct shelf_event *event)
{
    const struct record_status status = {
        .channel_id = event->channel_id,
        .broadcast_id = event->broadcast_id,
        .state = RECORD_ENDED,
        .started_at_us = event->ended_at_us - event->duration_us,
        .duration_us = event->duration_us,
        .bytes = event->bytes,
        .is_final = true,
        .is_repaired = true,
    };

    log_warn("recording_repaired", LOG_U64("channel", event->channel_id),
             LOG_U64("broadcast", event->broadcast_id), LOG_U64("bytes", event->bytes),
             LOG_I64("duration_ms", event->duration_us / US_PER_MS));
    recorder->handler->on_status(recorder->ctx, &status);
}

static void tell_events(struct recorder *recorder, const struct shelf_events *events)
{
    for (size_t i = 0; i < events->count; i++) {
        const struct shelf_event *event = &events->items[i];

        switch (event->kind) {
        case SHELF_REPAIRED:
            tell_repaired(recorder, event);
            break;
        case SHELF_DELETED:
            log_info("recording_deleted", LOG_U64("channel", event->channel_id),
                     LOG_U64("broadcast", event->broadcast_id));
            recorder->handler->on_deleted(recorder->ctx, event->channel_id, event->broadcast_id);
            break;
        case SHELF_PROBLEM:
            log_warn("recording_problem", LOG_U64("channel", event->channel_id),
                     LOG_U64("broadcast", event->broadcast_id), LOG_STR("reason", event->reason));
            break;
        }
    }
}

static void go_on_deleting(const struct record_job *job)
{
    struct record_job *next = make_job(job->recorder, JOB_DELETE);

    next->channel_id = job->channel_id;
    next->broadcast_id = job->broadcast_id;
    (void)submit(next); /* a full queue: what is left goes with age, or by another call */
}

static void close_if_idle(struct recorder *recorder)
{
    if (recorder->is_closing && recorder->jobs == 0 && !list_is_empty(&recorder->recordings))
        recorder_tidy(recorder); /* the queue had no room for their ends, now it has */
    if (!recorder->is_closing || recorder->jobs)
        return;
    void (*on_closed)(void *ctx) = recorder->on_closed;
    void *ctx = recorder->on_closed_ctx;

    assert(list_is_empty(&recorder->recordings));
    map_deinit(&recorder->by_channel);
    shelf_deinit(&recorder->shelf); /* the thread has no job that uses it any more */
    mem_free(recorder);
    on_closed(ctx);
}

static void on_done(struct pool_job *pool_job)
{
    struct record_job *job = CONTAINER_OF(pool_job, struct record_job, job);
    struct recorder *recorder = job->recorder;
    struct recording *recording = job->recording;

    recorder->jobs--;
    recorder->counters.bytes = job->shelf_bytes;
    recorder->counters.recordings = job->shelf_count;
    tell_events(recorder, &job->events);
    switch (job->kind) {
    case JOB_APPEND:
        on_appended(recording, job);
        break;
    case JOB_FINISH:
        on_finished(recording, job);
        break;
    case JOB_STEP:
        recorder->is_stepping = false;
        if (job->err)
            log_error("recordings_not_found", LOG_STR("folder", recorder->config.root),
                      LOG_STR("reason", job->diag.message));
        if (job->has_more)
            submit_step(recorder, false);
        break;
    case JOB_DELETE:
        if (job->has_more && !recorder->is_closing)
            go_on_deleting(job);
        break;
    }
    hls_segment_unref(job->segment);
    mem_free(job);
    if (recording) {
        recording->jobs--;
        release_if_done(recording);
    }
    close_if_idle(recorder);
}

/* ---- the public functions ---- */

struct recorder *recorder_create(struct loop *loop, struct pool *pool,
                                 const struct recorder_config *config,
                                 const struct recorder_handler *handler, void *ctx)
{
    struct recorder *recorder = mem_zalloc(sizeof(*recorder));

    recorder->loop = loop;
    recorder->pool = pool;
    recorder->config = *config;
    recorder->handler = handler;
    recorder->ctx = ctx;
    list_init(&recorder->recordings);
    shelf_init(&recorder->shelf, recorder->config.root);
    submit_step(recorder, false);
    return recorder;
}

/* The broadcast goes on no longer, and with it its recording. */
static void end_broadcast(struct recording *recording)
{
    recording->is_over = true;
    end(recording);
    release_if_done(recording);
}

void recorder_close(struct recorder *recorder, void (*on_closed)(void *ctx), void *ctx)
{
    recorder->is_closing = true;
    recorder->on_closed = on_closed;
    recorder->on_closed_ctx = ctx;
    LIST_FOR_EACH(node, &recorder->recordings)
    end_broadcast(CONTAINER_OF(node, struct recording, node));
    recorder_tidy(recorder);
    close_if_idle(recorder);
}

void recorder_drop_queue(struct recorder *recorder)
{
    atomic_store(&recorder->drops, true);
}

void recorder_on_snapshot(struct recorder *recorder, uint64_t channel_id, uint64_t broadcast_id,
                          const struct hls_snapshot *snapshot)
{
    struct recording *recording = map_get_u64(&recorder->by_channel, channel_id);

    if (recording && recording->status.broadcast_id != broadcast_id) {
        detach(recording);
        end_broadcast(recording);
        recording = NULL;
    }
    if (!recording) {
        if (!recorder->config.records_all || snapshot->is_ended || recorder->is_closing)
            return;
        recording = create_recording(recorder, channel_id, broadcast_id);
        begin(recording, 0);
    }
    for (size_t i = 0; i < snapshot->segment_count; i++) {
        const struct hls_segment *segment = snapshot->segments[i];

        if (segment->msn >= recording->next_msn && recording->status.state == RECORD_RUNNING)
            queue_segment(recording, segment, snapshot->target_duration_us);
    }
    if (snapshot->is_ended)
        end_broadcast(recording);
}

/* The first segment that begins after now. */
static uint64_t next_msn_of(const struct hls_snapshot *snapshot)
{
    if (!snapshot)
        return 0;
    return snapshot->running_msn + (snapshot->running_count > 0);
}

enum err recorder_start(struct recorder *recorder, uint64_t channel_id, uint64_t broadcast_id,
                        const struct hls_snapshot *snapshot, struct diag *diag)
{
    struct recording *recording = map_get_u64(&recorder->by_channel, channel_id);

    if (recorder->is_closing) {
        diag_set(diag, "The server is shutting down.");
        return ERR_CONFLICT;
    }
    if (recording && recording->status.broadcast_id != broadcast_id) {
        detach(recording);
        end_broadcast(recording);
        recording = NULL;
    }
    if (recording && recording->status.state == RECORD_RUNNING)
        return OK;
    if (recording && (recording->is_over || !recording->status.is_final)) {
        diag_set(diag, "The last recording of this broadcast is still being finished. Try again "
                       "in a moment.");
        return ERR_CONFLICT;
    }
    if (!recording)
        recording = create_recording(recorder, channel_id, broadcast_id);
    begin(recording, next_msn_of(snapshot));
    return OK;
}

static struct recording *find_recording(const struct recorder *recorder, uint64_t channel_id,
                                        uint64_t broadcast_id)
{
    LIST_FOR_EACH(node, &recorder->recordings)
    {
        struct recording *recording = CONTAINER_OF(node, struct recording, node);

        if (recording->status.channel_id == channel_id &&
            recording->status.broadcast_id == broadcast_id)
            return recording;
    }
    return NULL;
}

void recorder_stop(struct recorder *recorder, uint64_t channel_id, uint64_t broadcast_id)
{
    struct recording *recording = find_recording(recorder, channel_id, broadcast_id);

    if (recording)
        end(recording);
}

bool recorder_end(struct recorder *recorder, uint64_t channel_id, uint64_t broadcast_id)
{
    struct recording *recording = find_recording(recorder, channel_id, broadcast_id);

    if (!recording)
        return false;
    bool is_awaited = recording->is_awaited = !recording->status.is_final;
    end_broadcast(recording);
    return is_awaited;
}

void recorder_delete(struct recorder *recorder, uint64_t channel_id, uint64_t broadcast_id)
{
    struct record_job *job = make_job(recorder, JOB_DELETE);

    job->channel_id = channel_id;
    job->broadcast_id = broadcast_id;
    if (!submit(job))
        log_warn("recordings_not_deleted", LOG_U64("channel", channel_id),
                 LOG_STR("reason", "too much waits for the disk"));
}

void recorder_tidy(struct recorder *recorder)
{
    LIST_FOR_EACH(node, &recorder->recordings)
    {
        struct recording *recording = CONTAINER_OF(node, struct recording, node);

        if (recording->status.state != RECORD_RUNNING && !recording->status.is_final)
            finish(recording);
    }
    submit_step(recorder, true);
}

struct recorder_counters recorder_get_counters(const struct recorder *recorder)
{
    struct recorder_counters counters = recorder->counters;

    counters.queued_bytes = recorder->queued_bytes;
    return counters;
}

void record_write_url(struct writer *w, uint64_t channel_id, uint64_t broadcast_id)
{
    writer_str(w, "/recordings/");
    writer_dec(w, channel_id);
    writer_char(w, '/');
    writer_dec(w, broadcast_id);
    writer_str(w, "/index.m3u8");
}
