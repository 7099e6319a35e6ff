/*
 * list - intrusive doubly linked list. The node lives inside the object; the object's destroy
 * unlinks it. A node that is in no list is linked to itself, so unlinking twice is harmless.
 *
 *     struct session { struct list_node in_sessions; ... };
 *     LIST_FOR_EACH(node, &sessions) {
 *         struct session *s = CONTAINER_OF(node, struct session, in_sessions);
 *     }
 *
 * LIST_FOR_EACH allows the current node, and only it, to be unlinked in the body.
 */
#ifndef BASE_LIST_H
#define BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

/* Through void *: the member's alignment says nothing of the struct's, which the caller knows. */
#define CONTAINER_OF(pointer, type, member)                                                        \
    ((type *)(void *)((char *)(pointer)-offsetof(type, member)))

struct list_node {
    struct list_node *prev;
    struct list_node *next;
};

struct list {
    struct list_node head; /* head.next is the first, head.prev the last */
};

#define LIST_FOR_EACH(node, list)                                                                  \
    for (struct list_node *node = (list)->head.next, *node##_next = node->next;                    \
         node != &(list)->head; node = node##_next, node##_next = node->next)

static inline void list_node_init(struct list_node *node)
{
    node->prev = node->next = node;
}

static inline void list_init(struct list *list)
{
    list_node_init(&list->head);
}

static inline bool list_is_empty(const struct list *list)
{
    return list->head.next == &list->head;
}

static inline bool list_node_is_linked(const struct list_node *node)
{
    return node->next != node;
}

static inline void list_insert_after(struct list_node *place, struct list_node *node)
{
    node->prev = place;
    node->next = place->next;
    place->next->prev = node;
    place->next = node;
}

static inline void list_push_back(struct list *list, struct list_node *node)
{
    list_insert_after(list->head.prev, node);
}

static inline void list_push_front(struct list *list, struct list_node *node)
{
    list_insert_after(&list->head, node);
}

static inline void list_unlink(struct list_node *node)
{
    node->prev->next = node->next;
    node->next->prev = node->prev;
    list_node_init(node);
}

/* The first node, or NULL. */
static inline struct list_node *list_first(const struct list *list)
{
    return list_is_empty(list) ? NULL : list->head.next;
}

/* Unlinks and returns the first node, or NULL. */
static inline struct list_node *list_pop_front(struct list *list)
{
    struct list_node *node = list_first(list);

    if (node)
        list_unlink(node);
    return node;
}

/* Moves all nodes of `from` to the end of `to`; `from` is then empty. */
static inline void list_splice_back(struct list *to, struct list *from)
{
    struct list_node *node;

    while ((node = list_pop_front(from)))
        list_push_back(to, node);
}

#endif
