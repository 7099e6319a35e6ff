/*
 * watch - what a NOTIFY of another node says. Private to store/; store.h has the watch itself.
 *
 *     <node> <table> <id>,<table> <id> ...
 */
#ifndef STORE_WATCH_H
#define STORE_WATCH_H

#include <stdbool.h>

#include "base/text.h"
#include "store/query.h"

struct watch_item {
    enum store_table table;
    struct text id; /* borrowed from the payload */
};

/* Cuts the next item, behind the node, off *rest. False: it is none that this program knows. */
bool watch_parse(struct text *rest, struct watch_item *ret_item);

#endif
