/* Telephony put together: adapters on one side, directory and calls on the other. A call that a network
 * announces becomes a call of the core with the number's tenant and agent; when it is answered, its leg is
 * given to the core. One object a shard; everything on its loop. */
#ifndef VG_APP_TELEPHONY_H
#define VG_APP_TELEPHONY_H

#include "call/shard.h"
#include "voxgate/telephony.h"

struct telephony;
struct vg_directory;

/* Opens all adapters of this build. */
int telephony_new(struct telephony **out, struct vg_shard *shard,
                  struct vg_directory *directory) VG_MUST_CHECK;
/* Closes the adapters. When the loop does not run any more and no call of theirs is being made. */
struct telephony *telephony_free(struct telephony *t);

struct telephony_number {
    const char *tenant_id, *number_id;
    const char *did_number; /* E.164 */
    const char *agent_id;   /* who answers; NULL: the tenant's default agent */
};
/* Routes a number through an adapter. VG_ENOENT (no such adapter), and those of register_number. */
int telephony_register(struct telephony *t, const char *adapter,
                       const struct telephony_number *number) VG_MUST_CHECK;
int telephony_unregister(struct telephony *t, const char *adapter,
                         const struct telephony_number *number) VG_MUST_CHECK;
/* An adapter by its name, NULL if there is none. */
struct vg_telephony *telephony_adapter(struct telephony *t, const char *adapter);

#endif
