//===- Buffer.cpp - The bytes behind an allocation ------------------------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "test/emulator/cuda/Buffer.h"

#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <new>
#include <stdexcept>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

using namespace rondo::emulator;

Buffer &Buffer::operator=(Buffer &&other) noexcept {
  std::swap(own, other.own);
  std::swap(begin, other.begin);
  std::swap(bytes, other.bytes);
  std::swap(descriptor, other.descriptor);
  std::swap(opened, other.opened);
  return *this;
}

Buffer::~Buffer() {
  if (descriptor < 0)
    return;
  munmap(begin, bytes);
  close(descriptor);
}

Buffer Buffer::create(size_t bytes) {
  Buffer buffer;
  buffer.own.assign(bytes, 0xFF);
  buffer.begin = buffer.own.data();
  buffer.bytes = bytes;
  return buffer;
}

void Buffer::map(int file) {
  void *place = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  if (place == MAP_FAILED) {
    close(file);
    throw std::bad_alloc();
  }
  begin = static_cast<uint8_t *>(place);
  descriptor = file;
}

Buffer Buffer::createShared(size_t bytes) {
  Buffer buffer;
  int file = memfd_create("rondo-emulated-gpu", MFD_CLOEXEC);
  if (file < 0 || ftruncate(file, static_cast<off_t>(bytes)) != 0) {
    if (file >= 0)
      close(file);
    throw std::bad_alloc();
  }
  buffer.bytes = bytes;
  buffer.map(file);
  std::memset(buffer.begin, 0xFF, bytes);
  return buffer;
}

Buffer Buffer::open(const std::string &name) {
  Buffer buffer;
  struct stat status;
  int file = ::open(name.c_str(), O_RDWR | O_CLOEXEC);
  if (file < 0 || fstat(file, &status) != 0) {
    if (file >= 0)
      close(file);
    throw std::runtime_error("memory of another process that is not there: " + name);
  }
  buffer.bytes = static_cast<size_t>(status.st_size);
  buffer.opened = true;
  buffer.map(file);
  return buffer;
}

std::string Buffer::getName() const {
  if (descriptor < 0 || opened)
    return "";
  return "/proc/" + std::to_string(getpid()) + "/fd/" + std::to_string(descriptor);
}
