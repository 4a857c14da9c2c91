/* Frames on a stream socket. */
/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#include "tcp_connection.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

void tcp_connection_open(tcp_connection *connection, int socket) {
  *connection = (tcp_connection){.socket = socket};
  connection->last = &connection->first;
}

void tcp_connection_close(tcp_connection *connection) {
  if (connection->socket >= 0)
    close(connection->socket);
  for (queued_frame *frame = connection->first; frame;) {
    queued_frame *next = frame->next;
    free(frame);
    frame = next;
  }
  free(connection->buffer);
  tcp_connection_open(connection, -1);
  connection->ended = true;
}

bool tcp_connection_queue(tcp_connection *connection, const tcp_frame *frame, const void *payload, int32_t *unsent) {
  queued_frame *queued = malloc(sizeof *queued + sizeof *frame + frame->bytes);
  if (!queued)
    return false;
  *queued = (queued_frame){.bytes = sizeof *frame + frame->bytes, .unsent = unsent};
  memcpy(queued->data, frame, sizeof *frame);
  if (frame->bytes)
    memcpy(queued->data + sizeof *frame, payload, frame->bytes);
  *connection->last = queued;
  connection->last = &queued->next;
  connection->queued += queued->bytes;
  return true;
}

/* Whether a call that moved nothing is to be made again later; else the connection has ended. */
static bool goes_on(tcp_connection *connection, ssize_t count) {
  if (count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
    return true;
  connection->ended = true;
  connection->error = count < 0 ? errno : 0;
  return false;
}

bool tcp_connection_write(tcp_connection *connection) {
  bool any = false;
  while (connection->first && !connection->ended) {
    queued_frame *frame = connection->first;
    ssize_t count = send(connection->socket, frame->data + frame->sent, frame->bytes - frame->sent, MSG_NOSIGNAL);
    if (count <= 0) {
      /* What the other end sent before it left is still to be read. */
      if (count < 0 && (errno == EPIPE || errno == ECONNRESET))
        return any;
      goes_on(connection, count);
      return any;
    }
    any = true;
    frame->sent += (size_t)count;
    connection->queued -= (size_t)count;
    if (frame->sent < frame->bytes)
      continue;
    connection->first = frame->next;
    if (!connection->first)
      connection->last = &connection->first;
    if (frame->unsent)
      --*frame->unsent;
    free(frame);
  }
  return any;
}

/* Makes room for a whole frame behind what is there. */
static bool make_room(tcp_connection *connection) {
  const size_t capacity = 2 * (sizeof(tcp_frame) + FRAME_LARGEST);
  if (!connection->buffer) {
    connection->buffer = malloc(capacity);
    connection->capacity = connection->buffer ? capacity : 0;
  }
  if (connection->begin > 0) {
    memmove(connection->buffer, connection->buffer + connection->begin, connection->end - connection->begin);
    connection->end -= connection->begin;
    connection->begin = 0;
  }
  return connection->end < connection->capacity;
}

bool tcp_connection_read(tcp_connection *connection) {
  if (connection->ended || !make_room(connection))
    return false;
  ssize_t count =
      recv(connection->socket, connection->buffer + connection->end, connection->capacity - connection->end, 0);
  if (count > 0)
    connection->end += (size_t)count;
  else
    goes_on(connection, count);
  return count > 0;
}

bool tcp_connection_take(tcp_connection *connection, tcp_frame *frame, const unsigned char **payload) {
  size_t there = connection->end - connection->begin;
  if (there < sizeof *frame)
    return false;
  memcpy(frame, connection->buffer + connection->begin, sizeof *frame);
  if (frame->bytes > FRAME_LARGEST) {
    /* Whoever sends this is none of us. */
    connection->ended = true;
    connection->error = EPROTO;
    return false;
  }
  if (there < sizeof *frame + frame->bytes)
    return false;
  *payload = connection->buffer + connection->begin + sizeof *frame;
  connection->begin += sizeof *frame + frame->bytes;
  return true;
}
