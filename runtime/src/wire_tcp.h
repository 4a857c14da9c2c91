/* Messages among processes by TCP, through rank 0: for control, where only a launcher's environment joins them. */
/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#ifndef RONDO_SRC_WIRE_TCP_H
#define RONDO_SRC_WIRE_TCP_H

#include "wire.h"

/* Its `application` is a pointer to a launch (launch.h), which says where rank 0 listens. */
extern const wire_module wire_tcp_module;

#endif /* RONDO_SRC_WIRE_TCP_H */
