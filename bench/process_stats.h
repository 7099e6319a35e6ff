/*
 * process_stats - what the kernel says about a process: its own CPU time, without children, and
 * its memory.
 */
#ifndef BENCH_PROCESS_STATS_H
#define BENCH_PROCESS_STATS_H

#include <stdint.h>

/* User and system time of all threads, in microseconds (the kernel counts in 10 ms); -1 when there
 * is no such process. */
int64_t process_cpu_us(int pid);

/* Resident memory in bytes, or -1. */
int64_t process_rss_bytes(int pid);

#endif
