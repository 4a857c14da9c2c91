//===- Replicate.h - A schedule from outside of Rondo ---------------------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef RONDO_TEST_SCHEDULELIBRARY_REPLICATE_H
#define RONDO_TEST_SCHEDULELIBRARY_REPLICATE_H

/// Adds the schedule `replicate`: every rank first gathers all keys and values, then attends its queries to them.
void registerReplicateSchedule();

#endif // RONDO_TEST_SCHEDULELIBRARY_REPLICATE_H
