/* The two REST requests that `voxgate call` makes, blocking, over libcurl. src/cli alone. */
#ifndef VG_CLI_REST_CLIENT_H
#define VG_CLI_REST_CLIENT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

enum { REST_PROBLEM_SIZE = 2048 };

struct rest_config {
    const char *url;    /* of the gateway */
    const char *bearer; /* access token, NULL: none */
    bool insecure;      /* do not verify the server's certificate */
    long timeout_ms;
};

/* POSTs `body` to `path` and gives the answer's object, to be json_decref'ed. VG_EIO with a sentence in
 * `problem`: the server's own where it answered. */
int rest_post(const struct rest_config *config, const char *path, const json_t *body, json_t **answer,
              char problem[REST_PROBLEM_SIZE]) VG_MUST_CHECK;

#endif
