/* The public headers are C99: this file is compiled with -std=c99 -pedantic-errors -Werror, and linked. */
/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#include "rondo/abi.h"
#include "rondo/rondo.h"

#include <stdio.h>
#include <string.h>

int main(void) {
  rondo_communicator_options options = RONDO_COMMUNICATOR_OPTIONS_INIT;
  rondo_context *context = NULL;
  rondo_communicator *communicator = NULL;
  rondo_status status = rondo_context_create(&context);
  options.ranks = 2;
  if (status == RONDO_OK)
    status = rondo_communicator_create(context, &options, &communicator);
  if (status != RONDO_OK || strcmp(rondo_status_name(status), "ok") != 0)
    printf("%s: %s\n", rondo_status_name(status), rondo_last_error(context));
  rondo_communicator_destroy(communicator);
  rondo_context_destroy(context);
  if (rondo_version() != RONDO_VERSION_MAJOR * 1000 + RONDO_VERSION_MINOR || RONDO_ABI_VERSION != 2)
    return 1;
  return status != RONDO_OK;
}
