/* A mailbox: how any thread hands a message to one thread that runs a loop.
 *
 * Lock-free, many producers, one consumer, first in first out per producer. Messages are intrusive: the
 * poster embeds a vg_message in its own struct, gives it away by posting, and the handler owns it from then
 * on. The wake function runs only when the mailbox was empty, so that a burst costs one wake-up. */
#ifndef VG_BASE_MAILBOX_H
#define VG_BASE_MAILBOX_H

#include <stdatomic.h>
#include <stddef.h>

struct vg_message;
typedef void (*vg_message_fn)(struct vg_message *msg);

struct vg_message {
    struct vg_message *next;
    vg_message_fn handle; /* runs on the consumer's thread and owns `msg` */
};

struct vg_mailbox {
    _Atomic(struct vg_message *) head; /* newest first; release on post, acquire on drain */
    void (*wake)(void *arg);           /* RO: any thread may run it */
    void *wake_arg;                    /* RO */
};

void vg_mailbox_init(struct vg_mailbox *box, void (*wake)(void *arg), void *wake_arg);
/* Gives `msg` to the consumer. Any thread; never blocks, never fails. */
void vg_mailbox_post(struct vg_mailbox *box, struct vg_message *msg);
/* Handles all messages posted so far, oldest first; returns how many. Consumer thread only. */
size_t vg_mailbox_drain(struct vg_mailbox *box);

/* The struct that embeds a message: VG_MESSAGE_OF(msg, struct job, message). */
#define VG_MESSAGE_OF(msg, type, member) ((type *)(void *)((char *)(msg)-offsetof(type, member)))

#endif
