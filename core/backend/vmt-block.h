/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "vmt-backend.h"

G_BEGIN_DECLS

/**
 * VmtBlock:
 *
 * A disk image. The base class owns a worker thread and a queue; a format implements plain blocking calls, which
 * only that worker makes once the image is open. Images form a chain: a format's "file" is another VmtBlock (or the same
 * class when it reads the host file itself), and it may have a backing image.
 */
#define VMT_TYPE_BLOCK (vmt_block_get_type ())
G_DECLARE_DERIVABLE_TYPE (VmtBlock, vmt_block, VMT, BLOCK, VmtBackend)

typedef enum { VMT_BLOCK_READ, VMT_BLOCK_WRITE, VMT_BLOCK_FLUSH, VMT_BLOCK_DISCARD, VMT_BLOCK_WRITE_ZEROES } VmtBlockOp;

typedef struct { gpointer base; gsize size; } VmtIoVec;

/**
 * VmtBlockRequest:
 * @offset: bytes from the image's start
 * @size: bytes; for READ and WRITE the sum over @iov
 * @status: 0 or a positive errno, when @done is called
 * @done: on the machine's context, no locks held
 *
 * Owned by the caller, who keeps it and its buffers alive until @done.
 */
typedef struct _VmtBlockRequest VmtBlockRequest;
struct _VmtBlockRequest
{
  VmtBlockOp op;
  guint64 offset, size;
  VmtIoVec *iov;
  guint n_iov;
  int status;
  void (*done) (VmtBlockRequest *request, gpointer data);
  gpointer data;
  VmtBlockRequest *next; /* the queue's */
};

struct _VmtBlockClass
{
  VmtBackendClass parent_class;
  /* Extensions and the first bytes that tell the format, for "probe the format": 0 no, 100 certain. (nullable) */
  int (*probe) (const guint8 *head, gsize size, const char *path);
  /* Creates an image at @path. @options: a{sv} such as "backing", "backing-format", "compression". (nullable) */
  gboolean (*create) (const char *path, guint64 size, GVariant *options, GError **error);

  /* Blocking; worker thread, or any one thread before the queue starts. Return 0 or a positive errno. Reads beyond the end give zeroes. */
  int (*preadv) (VmtBlock *self, const VmtIoVec *iov, guint n_iov, guint64 offset, guint64 size);
  int (*pwritev) (VmtBlock *self, const VmtIoVec *iov, guint n_iov, guint64 offset, guint64 size);
  int (*flush) (VmtBlock *self);
  int (*discard) (VmtBlock *self, guint64 offset, guint64 size);
  /* (nullable): written out as zeroes by the base class. @unmap: space may be given back. */
  int (*write_zeroes) (VmtBlock *self, guint64 offset, guint64 size, gboolean unmap);
  guint64 (*get_length) (VmtBlock *self);
  gboolean (*resize) (VmtBlock *self, guint64 size, GError **error);
  /* a{sv} for "vmtool disk info"; (nullable). */
  GVariant *(*get_info) (VmtBlock *self);
  /* Findings as a list of texts; *@n_errors counts what is damage, *@n_leaks what is only wasted space. @repair: mends leaks. */
  gboolean (*check) (VmtBlock *self, gboolean repair, GPtrArray *findings, guint *n_errors, guint *n_leaks, GError **error);
  /* The status of a range for conversion: TRUE when it reads as zeroes without being stored; *@run: bytes that share it. (nullable) */
  gboolean (*is_zero) (VmtBlock *self, guint64 offset, guint64 size, guint64 *run);
  gpointer reserved[8];
};

/* Properties of the base: "path" (file), "readonly", "ephemeral" (writes go to an unlinked overlay), "format" (a feature name, or "auto"),
 * "discard" (bool). */

/* Opens @path in the right format. @format: NULL or "auto" probes; a raw image that probing found raw stays raw for good: a guest that writes another format's
 * header into it changes nothing. (transfer full), floating. */
VmtBlock *vmt_block_new_for_path (const char *path, const char *format, gboolean readonly, GError **error);

guint64 vmt_block_get_length (VmtBlock *self);
gboolean vmt_block_is_readonly (VmtBlock *self);
const char *vmt_block_get_path (VmtBlock *self);
/* Any thread; never blocks. */
void vmt_block_submit (VmtBlock *self, VmtBlockRequest *request);
/* Blocks until nothing is queued or under way. Machine's thread. */
void vmt_block_drain (VmtBlock *self);

/* Blocking access for tools and for formats that sit on another image. Not while requests are queued. */
int vmt_block_pread (VmtBlock *self, gpointer buffer, gsize size, guint64 offset);
int vmt_block_pwrite (VmtBlock *self, gconstpointer buffer, gsize size, guint64 offset);
int vmt_block_flush (VmtBlock *self);

G_END_DECLS
