// libevent 2.1 (event_core). Macros do not import into Swift; each shim is named after the macro it stands for.
#pragma once
#include <event2/event.h>
#include <event2/util.h>
