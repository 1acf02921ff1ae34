/* The subcommands of `voxgate`. */
#ifndef VG_CLI_CLI_H
#define VG_CLI_CLI_H

/* Runs the subcommand that argv[1] names and gives the exit status: 0, 1 (it failed), 2 (usage, settings).
 * Starts no thread before the subcommand does. */
int vg_cli_main(int argc, char **argv);

#endif
