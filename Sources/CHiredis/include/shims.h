#ifndef SLIDEGATE_CHIREDIS_SHIMS_H
#define SLIDEGATE_CHIREDIS_SHIMS_H

#include <hiredis/hiredis.h>
#include <hiredis/async.h>

#endif
