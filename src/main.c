/* The program: nothing but the way to its subcommands. No thread may start before `serve` has forked its
 * engine nursery, so nothing else happens here. */
#include "cli/cli.h"

int main(int argc, char **argv)
{
    return vg_cli_main(argc, argv);
}
