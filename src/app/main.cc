// postroad: the one program. What it can do are its commands (app/cli.h).
#include "app/cli.h"

int main(int argc, char** argv) { return postroad::app::run_command(argc, argv); }
