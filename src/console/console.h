/* The web console: pages and scripts that are part of the program, embedded at build time from
 * src/console/files. No build tool, no foreign host: what stands there is what a browser gets. Any thread. */
#ifndef VG_CONSOLE_CONSOLE_H
#define VG_CONSOLE_CONSOLE_H

#include <stddef.h>
#include <stdint.h>

struct vg_console_file {
    const char *path; /* "/try", "/try/try.js" */
    const char *content_type;
    const char *etag; /* of the content, with its quotes */
    const uint8_t *data;
    size_t size; /* bytes */
};

/* NULL if there is none at `path`. */
const struct vg_console_file *vg_console_find(const char *path);

/* The Content-Security-Policy of every file: scripts, styles and connections from this host alone. */
extern const char VG_CONSOLE_CSP[];

#endif
