/* The demo tenant: what a newcomer talks to in the first five minutes; see admin.h. */
#include <string.h>

#include "store/admin.h"
#include "store/knowledge.h"

static const struct {
    const char *source, *title, *text, *metadata;
} ARTICLES[] = {
    {"demo/hours", "Opening hours",
     "We are open Sunday to Thursday, from nine in the morning to six in the evening. On weekends we are "
     "closed.",
     "{\"category\":\"support\"}"},
    {"demo/returns", "Returns and refunds",
     "You can return an order within thirty days. The refund reaches your account within five working days "
     "after "
     "we receive the parcel.",
     "{\"category\":\"orders\"}"},
    {"demo/delivery", "Delivery and order status",
     "Orders are delivered within two to four working days. You can track your order with the number in the "
     "confirmation message.",
     "{\"category\":\"orders\"}"},
    {"demo/payment", "Payment and invoices",
     "We accept credit cards and bank transfer. The invoice is sent to you by email when the order leaves "
     "our "
     "warehouse.",
     "{\"category\":\"billing\"}"},
    {"demo/account", "Password and account",
     "To reset your password, open the sign-in page and choose forgot password. You get a link by email.",
     "{\"category\":\"support\"}"},
    {"demo/hours-ar", "ساعات العمل",
     "نعمل من الأحد إلى الخميس، من التاسعة صباحا حتى السادسة مساء. ونغلق في عطلة نهاية الأسبوع.",
     "{\"category\":\"support\"}"},
    {"demo/returns-ar", "الإرجاع واسترداد المال",
     "يمكنك إرجاع الطلب خلال ثلاثين يوما. يصل المبلغ المسترد إلى حسابك خلال خمسة أيام عمل.",
     "{\"category\":\"orders\"}"},
};

static int articles(struct vg_pg *pg, const char *tenant_id, int64_t deadline_us)
{
    for (size_t i = 0; i < VG_COUNT_OF(ARTICLES); i++) {
        struct vg_document *document = NULL;
        struct vg_document_input input = {.source = ARTICLES[i].source,
                                          .title = ARTICLES[i].title,
                                          .content = ARTICLES[i].text,
                                          .content_bytes = strlen(ARTICLES[i].text),
                                          .metadata = ARTICLES[i].metadata};
        int err = vg_knowledge_ingest(pg, tenant_id, &input, deadline_us, &document);
        if (err)
            return err;
        vg_document_free(document);
    }
    return 0;
}

int vg_admin_demo(struct vg_pg *pg, const char *tenant_name, int64_t deadline_us, struct vg_demo *out)
{
    struct vg_demo demo = {0};
    struct vg_agent_profile profile = VG_AGENT_PROFILE_INIT;
    const struct vg_agent *agent = NULL;
    profile.name = "Demo agent";
    profile.role = "support";
    profile.system_prompt =
        "You are the friendly voice of a small shop. Answer briefly, from the knowledge articles. "
        "If you do not know, offer to connect the caller to a person.";
    profile.greeting = "Hello, this is the demo shop. How can I help you?";
    profile.language = "auto";
    int err = vg_admin_tenant_create(pg, tenant_name, "growth", deadline_us, &demo.tenant, &demo.tenant_key);
    if (!err)
        err = vg_admin_agent_create(pg, demo.tenant.id, &profile, deadline_us, &agent);
    if (!err) {
        memcpy(demo.agent_id, agent->id, sizeof demo.agent_id);
        memcpy(demo.tenant.default_agent_id, agent->id, sizeof demo.agent_id);
        err = articles(pg, demo.tenant.id, deadline_us);
    }
    if (!err)
        err = vg_admin_key_create(pg, NULL, "demo operator", VG_SCOPE_ADMIN | VG_SCOPES_TENANT, 0,
                                  deadline_us, &demo.admin_key);
    vg_agent_put(agent);
    if (!err)
        *out = demo;
    return err;
}
