/* Start-up recovery from the spool's table of live calls; see record.h. */
#include <stdint.h>

#include "base/log.h"
#include "store/record.h"
#include "store/record_body.h"
#include "store/spool_read.h"

struct recovery {
    struct vg_spool *spool;
    int err;
};

/* The last possible ordinal: no call counts so far, and a second recovery meets the first one's event. */
#define RECOVERY_ORDINAL UINT32_MAX

static void end_call(void *arg, const char *tenant_id, const char *call_id, uint32_t owner_epoch,
                     int64_t started_us, int64_t last_us)
{
    struct recovery *recovery = arg;
    struct vg_buf body = VG_BUF_INIT;
    vg_record_write_call_ended(&body,
                               &(struct vg_record_call_ended){.reason = "gateway_restart",
                                                              .status = "failed",
                                                              .ended_at_us = last_us,
                                                              .duration_ms = (last_us - started_us) / 1000,
                                                              .turns = -1});
    struct vg_record_event event = {.kind = VG_RECORD_CALL_ENDED,
                                    .tenant_id = tenant_id,
                                    .call_id = call_id,
                                    .owner_epoch = owner_epoch,
                                    .ordinal = RECOVERY_ORDINAL,
                                    .body = vg_buf_str(&body)};
    int err = body.failed ? VG_ENOMEM : vg_spool_append(recovery->spool, &event, NULL, NULL, NULL);
    if (err && !recovery->err)
        recovery->err = err;
    vg_log_info("call.recovered", "call_id=%s tenant_id=%s reason=%s", call_id, tenant_id, "gateway_restart");
    vg_buf_free(&body);
}

int vg_store_recover(struct vg_spool *spool, const char *instance_id)
{
    struct spool_reader *reader = NULL;
    struct recovery recovery = {.spool = spool};
    int n = spool_reader_open(&reader, spool_path(spool));
    if (!n)
        n = spool_read_live(reader, end_call, &recovery);
    spool_reader_free(reader);
    if (n > 0)
        vg_log_warn("store.recovered", "instance_id=%s calls=%d", instance_id, n);
    return recovery.err ? recovery.err : n;
}
