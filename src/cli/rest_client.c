/* REST requests over libcurl; see rest_client.h. */
#include "cli/rest_client.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"

static size_t collect(char *data, size_t size, size_t count, void *arg)
{
    vg_buf_add(arg, data, size * count);
    return size * count;
}

static struct curl_slist *headers_of(const struct rest_config *config)
{
    char line[4096];
    struct curl_slist *headers = curl_slist_append(NULL, "Content-Type: application/json");
    if (config->bearer) {
        snprintf(line, sizeof line, "Authorization: Bearer %s", config->bearer);
        headers = curl_slist_append(headers, line);
    }
    return headers;
}

/* Reads the answer; gives VG_EIO with the server's message unless it is a 2xx with an object. */
static int read_answer(const char *path, long status, const struct vg_buf *body, json_t **answer,
                       char problem[REST_PROBLEM_SIZE])
{
    json_t *json = json_loadb(vg_buf_str(body), body->len, JSON_REJECT_DUPLICATES, NULL);
    if (status / 100 == 2 && json_is_object(json)) {
        *answer = json;
        return 0;
    }
    const json_t *error = json_object_get(json, "error");
    const char *code = json_string_value(json_object_get(error, "code"));
    const char *message = json_string_value(json_object_get(error, "message"));
    snprintf(problem, REST_PROBLEM_SIZE, "POST %s was answered %ld%s%s%s%s", path, status, code ? " " : "",
             code ? code : "", message ? ": " : "", message ? message : "");
    json_decref(json);
    return VG_EIO;
}

int rest_post(const struct rest_config *config, const char *path, const json_t *body, json_t **answer,
              char problem[REST_PROBLEM_SIZE])
{
    char url[1024], said[CURL_ERROR_SIZE] = "";
    size_t base = strlen(config->url);
    while (base > 0 && config->url[base - 1] == '/')
        base--;
    snprintf(url, sizeof url, "%.*s%s", (int)base, config->url, path);
    struct vg_buf received = VG_BUF_INIT;
    char *text = json_dumps(body, JSON_COMPACT);
    CURL *curl = curl_easy_init();
    struct curl_slist *headers = headers_of(config);
    int err = VG_ENOMEM;
    snprintf(problem, REST_PROBLEM_SIZE, "out of memory");
    if (!text || !curl || !headers)
        goto out;
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, text);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, collect);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &received);
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, said);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, config->timeout_ms);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, config->insecure ? 0L : 1L);
    curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, config->insecure ? 0L : 2L);
    CURLcode rc = curl_easy_perform(curl);
    if (rc != CURLE_OK) {
        snprintf(problem, REST_PROBLEM_SIZE, "%s cannot be reached: %s", url,
                 *said ? said : curl_easy_strerror(rc));
        err = VG_EIO;
        goto out;
    }
    long status = 0;
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    err = read_answer(path, status, &received, answer, problem);
out:
    curl_slist_free_all(headers);
    curl_easy_cleanup(curl);
    free(text);
    vg_buf_free(&received);
    return err;
}
