/* Many-producer mailbox; see mailbox.h. */
#include "base/mailbox.h"

void vg_mailbox_init(struct vg_mailbox *box, void (*wake)(void *arg), void *wake_arg)
{
    atomic_init(&box->head, NULL);
    box->wake = wake;
    box->wake_arg = wake_arg;
}

void vg_mailbox_post(struct vg_mailbox *box, struct vg_message *msg)
{
    struct vg_message *head = atomic_load_explicit(&box->head, memory_order_relaxed);
    do {
        msg->next = head;
        /* Release pairs with the acquire in drain: the handler sees what the poster wrote. */
    } while (!atomic_compare_exchange_weak_explicit(&box->head, &head, msg, memory_order_release,
                                                    memory_order_relaxed));
    if (!head && box->wake)
        box->wake(box->wake_arg);
}

size_t vg_mailbox_drain(struct vg_mailbox *box)
{
    struct vg_message *newest = atomic_exchange_explicit(&box->head, NULL, memory_order_acquire);
    struct vg_message *oldest = NULL;
    while (newest) {
        struct vg_message *next = newest->next;
        newest->next = oldest;
        oldest = newest;
        newest = next;
    }
    size_t n = 0;
    while (oldest) {
        struct vg_message *next = oldest->next;
        oldest->handle(oldest);
        oldest = next;
        n++;
    }
    return n;
}
