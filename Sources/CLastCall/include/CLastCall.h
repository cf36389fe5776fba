// The few lines that Swift cannot say. Each function says why it is here.
#ifndef CLASTCALL_H
#define CLASTCALL_H

#include "lastcall_files.h"
#include "lastcall_process.h"
#include "lastcall_signals.h"
#include "lastcall_sockets.h"
#include "lastcall_tsan.h"
#include "lastcall_spawn.h"

#endif
