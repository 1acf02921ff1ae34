/* `voxgate serve`: everything put together, run, drained and taken apart. */
#ifndef VG_APP_APP_H
#define VG_APP_APP_H

#include "config/config.h"

/* Serves until SIGTERM or SIGINT (twice: at once). Returns the process's exit status. Call on the main thread
 * before any other thread exists. */
int vg_app_serve(const struct vg_config *config);

/* What is wrong with the settings beyond their own rules: engines that this build does not have. A
 * vg_config_rules_fn; any thread. */
void vg_app_check_settings(const struct vg_config *config, struct vg_buf *problems);

#endif
