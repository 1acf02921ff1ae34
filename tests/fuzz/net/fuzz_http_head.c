/* The head of an HTTP request, address lists and percent-decoding never read or write out of bounds, and what
 * parses is well-formed. */
#include <stdlib.h>
#include <string.h>

#include "net/address.h"
#include "net/http_parse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static void check(const struct http_head *head)
{
    VG_ASSERT(head->path[0] == '/' || head->path[0] == '*');
    VG_ASSERT(http_head_field(head, "transfer-encoding") == NULL);
    VG_ASSERT(http_head_count(head, "host") <= 1);
    for (unsigned i = 0; i < head->field_count; i++)
        VG_ASSERT(!strpbrk(head->fields[i].value, "\r\n") && head->fields[i].name[0]);
    struct address client = {{0}};
    address_forwarded(&client, http_head_field(head, "x-forwarded-for"), NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    char *text = malloc(bytes + 1);
    memcpy(text, data, bytes);
    text[bytes] = '\0';
    size_t size = http_head_size(text, bytes, 0);
    struct http_head head;
    if (size) {
        char *copy = malloc(size); /* exactly, so that a sanitizer sees the end */
        memcpy(copy, text, size);
        struct http_fault bad = http_head_parse(&head, copy, size);
        if (bad.status == 0)
            check(&head);
        free(copy);
    }
    struct address_set *set = NULL;
    if (address_set_new(&set, text) == 0)
        address_set_free(set);
    (void)!http_percent_decode(text, bytes & 1);
    free(text);
    return 0;
}
