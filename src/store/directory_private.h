/* Inside the store: the directory's listener. */
#ifndef VG_STORE_DIRECTORY_PRIVATE_H
#define VG_STORE_DIRECTORY_PRIVATE_H

#include "store/directory.h"

struct directory_listener;

/* Starts a thread that invalidates entries of `d` as the database tells of changes. */
int directory_listener_start(struct directory_listener **out, struct vg_directory *d,
                             const char *database_url) VG_MUST_CHECK;
struct directory_listener *directory_listener_stop(struct directory_listener *l);

#endif
