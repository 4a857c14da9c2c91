/* A check of an ELF file's extents, made before it is mapped. */
/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#include "elf_check.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct {
  rondo_context *context;
  const char *path;
  int descriptor;
  uint64_t size;
  Elf64_Ehdr header;
} elf_file;

static rondo_status not_a_program(const elf_file *file, const char *reason) {
  return context_fail(file->context, RONDO_INVALID_PROGRAM, "'%s' is not a Rondo program: %s", file->path, reason);
}

static rondo_status truncated(const elf_file *file, const char *part, uint64_t end) {
  return context_fail(file->context, RONDO_INVALID_PROGRAM,
                      "'%s' is truncated: its %s ends at byte %llu, but the file has %llu bytes", file->path, part,
                      (unsigned long long)end, (unsigned long long)file->size);
}

static rondo_status read_at(const elf_file *file, uint64_t offset, void *buffer, size_t bytes) {
  size_t done = 0;
  while (done < bytes) {
    ssize_t got = pread(file->descriptor, (char *)buffer + done, bytes - done, (off_t)(offset + done));
    if (got < 0 && errno == EINTR)
      continue;
    if (got < 0)
      return context_fail(file->context, RONDO_SYSTEM_ERROR, "cannot read '%s': %s", file->path, strerror(errno));
    if (got == 0)
      return truncated(file, "header", offset + bytes);
    done += (size_t)got;
  }
  return RONDO_OK;
}

/* Fails if [offset, offset + bytes) leaves the file or wraps around. */
static rondo_status check_extent(const elf_file *file, const char *part, uint64_t offset, uint64_t bytes) {
  if (bytes > UINT64_MAX - offset)
    return not_a_program(file, "its headers are damaged");
  if (offset + bytes > file->size)
    return truncated(file, part, offset + bytes);
  return RONDO_OK;
}

static rondo_status check_header(elf_file *file) {
  if (file->size == 0)
    return not_a_program(file, "the file is empty");
  unsigned char identity[EI_NIDENT] = {0};
  size_t available = file->size < sizeof identity ? (size_t)file->size : sizeof identity;
  rondo_status status = read_at(file, 0, identity, available);
  if (status != RONDO_OK)
    return status;
  if (memcmp(identity, ELFMAG, SELFMAG) != 0)
    return not_a_program(file, "it is no ELF file");
  status = check_extent(file, "ELF header", 0, sizeof file->header);
  if (status == RONDO_OK)
    status = read_at(file, 0, &file->header, sizeof file->header);
  if (status != RONDO_OK)
    return status;
  const Elf64_Ehdr *header = &file->header;
  if (identity[EI_CLASS] != ELFCLASS64 || identity[EI_DATA] != ELFDATA2LSB || header->e_machine != EM_X86_64)
    return not_a_program(file, "it is not for x86-64");
  if (header->e_type != ET_DYN)
    return not_a_program(file, "it is no shared object");
  if (header->e_phentsize != sizeof(Elf64_Phdr) || header->e_phnum == 0 ||
      (header->e_shnum != 0 && header->e_shentsize != sizeof(Elf64_Shdr)))
    return not_a_program(file, "its headers are damaged");
  return RONDO_OK;
}

static rondo_status check_segments(const elf_file *file) {
  const Elf64_Ehdr *header = &file->header;
  rondo_status status =
      check_extent(file, "program header table", header->e_phoff, (uint64_t)header->e_phnum * sizeof(Elf64_Phdr));
  int loadable = 0;
  for (unsigned i = 0; status == RONDO_OK && i < header->e_phnum; ++i) {
    Elf64_Phdr segment;
    status = read_at(file, header->e_phoff + i * sizeof segment, &segment, sizeof segment);
    if (status != RONDO_OK)
      return status;
    loadable += segment.p_type == PT_LOAD;
    if (segment.p_type == PT_LOAD && segment.p_filesz > segment.p_memsz)
      return not_a_program(file, "its headers are damaged");
    status = check_extent(file, "segment", segment.p_offset, segment.p_filesz);
  }
  if (status == RONDO_OK && loadable == 0)
    return not_a_program(file, "it has nothing to load");
  return status;
}

static rondo_status check_sections(const elf_file *file) {
  const Elf64_Ehdr *header = &file->header;
  rondo_status status =
      check_extent(file, "section header table", header->e_shoff, (uint64_t)header->e_shnum * sizeof(Elf64_Shdr));
  for (unsigned i = 0; status == RONDO_OK && i < header->e_shnum; ++i) {
    Elf64_Shdr section;
    status = read_at(file, header->e_shoff + i * sizeof section, &section, sizeof section);
    if (status == RONDO_OK && section.sh_type != SHT_NOBITS && section.sh_type != SHT_NULL)
      status = check_extent(file, "section", section.sh_offset, section.sh_size);
  }
  return status;
}

static rondo_status check_open_file(elf_file *file) {
  struct stat information;
  if (fstat(file->descriptor, &information) != 0)
    return context_fail(file->context, RONDO_SYSTEM_ERROR, "cannot read '%s': %s", file->path, strerror(errno));
  if (!S_ISREG(information.st_mode))
    return not_a_program(file, S_ISDIR(information.st_mode) ? "it is a directory" : "it is no regular file");
  file->size = (uint64_t)information.st_size;
  rondo_status status = check_header(file);
  if (status == RONDO_OK)
    status = check_segments(file);
  if (status == RONDO_OK)
    status = check_sections(file);
  return status;
}

rondo_status elf_check(rondo_context *context, const char *path) {
  elf_file file = {.context = context, .path = path};
  /* Without O_NONBLOCK, opening a FIFO would wait for a writer. */
  file.descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (file.descriptor < 0)
    return context_fail(context, RONDO_SYSTEM_ERROR, "cannot open '%s': %s", path, strerror(errno));
  rondo_status status = check_open_file(&file);
  close(file.descriptor);
  return status;
}
