#!/bin/sh
# Exits with 1, "interesting", if the program in the file $1 attends. rondo-reduce keeps what stays interesting.
if grep -q 'rondo\.attention' "$1"; then
  exit 1
fi
exit 0
