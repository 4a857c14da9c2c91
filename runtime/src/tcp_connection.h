/* One end of a stream socket on which frames travel, without blocking. */
/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#ifndef RONDO_SRC_TCP_CONNECTION_H
#define RONDO_SRC_TCP_CONNECTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { FRAME_LARGEST = 1 << 18 }; /* bytes of a payload */

/* Messages travel in pieces. */
typedef enum {
  FRAME_PIECE,
  FRAME_LAST_PIECE, /* of a message */
  FRAME_LEAVING,    /* `from` closes its connection in an orderly way */
  FRAME_LOST        /* `from` is gone without that */
} frame_kind;

/* Before a payload. All processes of a job have the same byte order. */
typedef struct {
  int32_t kind, from, to, channel;
  uint64_t bytes;
} tcp_frame;

typedef struct queued_frame {
  struct queued_frame *next;
  size_t bytes, sent;
  int32_t *unsent; /* decremented when the frame has been written; NULL: nobody counts */
  unsigned char data[];
} queued_frame;

typedef struct {
  int socket; /* -1: closed */
  int error;  /* why it has ended; 0 with `ended`: the other end closed it */
  bool ended;
  queued_frame *first, **last; /* to be written */
  size_t queued;               /* bytes of them */
  unsigned char *buffer;       /* read, and not yet taken: [begin, end) */
  size_t begin, end, capacity;
} tcp_connection;

/* Takes over the socket; it should not block. */
void tcp_connection_open(tcp_connection *connection, int socket);
void tcp_connection_close(tcp_connection *connection);

/* Queues a frame, of which it makes a copy. False: there is no memory. */
bool tcp_connection_queue(tcp_connection *connection, const tcp_frame *frame, const void *payload, int32_t *unsent);

/* Writes and reads what goes without waiting; true if something went. */
bool tcp_connection_write(tcp_connection *connection);
bool tcp_connection_read(tcp_connection *connection);

/* The next whole frame that was read, if there is one; its payload is valid until the next read. */
bool tcp_connection_take(tcp_connection *connection, tcp_frame *frame, const unsigned char **payload);

#endif /* RONDO_SRC_TCP_CONNECTION_H */
