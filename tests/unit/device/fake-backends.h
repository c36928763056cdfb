/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Host sides for the tests of devices: everything in memory, and as stubborn as the test wants. */
#pragma once

#include "vmt-block.h"
#include "vmt-char.h"
#include "vmt-entropy.h"
#include "vmt-net.h"

/* A stream: what the device wrote, and what it shall read. */
typedef struct
{
  VmtChar parent_instance;
  GByteArray *written;
  gsize room; /* bytes that it takes; G_MAXSIZE at first */
  GByteArray *input;
  gsize sent; /* of the input */
} FakeChar;
typedef VmtCharClass FakeCharClass;

GType fake_char_get_type (void);
FakeChar *fake_char_new (void);
/* Gives the device more to read, now and as it makes room. */
void fake_char_type (FakeChar *self, gconstpointer data, gsize size);
/* Takes @room more bytes, and says so. */
void fake_char_make_room (FakeChar *self, gsize room);

/* A disk of the given size. */
typedef struct
{
  VmtBlock parent_instance;
  guint8 *bytes;
  gsize size;
  gint fail; /* atomic: what requests answer */
  guint flushes, discards, zeroes;
  GMutex lock;
  GCond changed;
  gboolean held; /* requests wait */
} FakeBlock;
typedef VmtBlockClass FakeBlockClass;

GType fake_block_get_type (void);
FakeBlock *fake_block_new (gsize size);
void fake_block_hold (FakeBlock *self, gboolean held);

/* A cable: the last frame that the device sent. */
typedef struct
{
  VmtNet parent_instance;
  GByteArray *last;
  guint n_sent, n_resumed;
} FakeNet;
typedef VmtNetClass FakeNetClass;

GType fake_net_get_type (void);
FakeNet *fake_net_new (void);

/* Counts 1, 2, 3, ... */
typedef struct
{
  VmtEntropy parent_instance;
  guint8 next;
  gboolean broken;
} FakeEntropy;
typedef VmtEntropyClass FakeEntropyClass;

GType fake_entropy_get_type (void);
FakeEntropy *fake_entropy_new (void);
