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
  /* The feature's name: what property "format" says. */
  const char *format;
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
  /* For conversion: stores bytes that were never written before, compressed; @offset is a multiple of the cluster size, and @size one cluster (less only at the
   * image's end). (nullable) */
  int (*pwrite_compressed) (VmtBlock *self, gconstpointer buffer, gsize size, guint64 offset);
  gpointer reserved[8];
};

/* Properties of the base: "path" (file), "readonly", "ephemeral" (writes go to an unlinked overlay), "format" (read-only: the feature's name),
 * "discard" (bool), "checking" (bool).
 *
 * A format overrides VmtBackendClass.open and .close: open chains up last, when the image can be read; close chains up first, which stops the queue
 * and flushes. */

/* Opens @path in the right format. @format: NULL or "auto" probes; a raw image that probing found raw stays raw for good: a guest that writes another format's
 * header into it changes nothing. (transfer full), floating. */
VmtBlock *vmt_block_new_for_path (const char *path, const char *format, gboolean readonly, GError **error);

guint64 vmt_block_get_length (VmtBlock *self);
/* For the guest. */
gboolean vmt_block_is_readonly (VmtBlock *self);
/* For a format: the file is not to be written, because of "readonly" or "ephemeral". */
gboolean vmt_block_opens_readonly (VmtBlock *self);
/* For a format: it is opened to be checked or repaired ("checking"), damage is no reason to refuse. */
gboolean vmt_block_is_checking (VmtBlock *self);
const char *vmt_block_get_path (VmtBlock *self);
/* Any thread; never blocks. */
void vmt_block_submit (VmtBlock *self, VmtBlockRequest *request);
/* Blocks until nothing is queued or under way. Machine's thread. */
void vmt_block_drain (VmtBlock *self);

/* Blocking access for tools and for formats that sit on another image. Not while requests are queued. */
int vmt_block_pread (VmtBlock *self, gpointer buffer, gsize size, guint64 offset);
int vmt_block_preadv (VmtBlock *self, const VmtIoVec *iov, guint n_iov, guint64 offset, guint64 size);
int vmt_block_pwrite (VmtBlock *self, gconstpointer buffer, gsize size, guint64 offset);
int vmt_block_flush (VmtBlock *self);
int vmt_block_write_zeroes (VmtBlock *self, guint64 offset, guint64 size, gboolean unmap);
int vmt_block_write_compressed (VmtBlock *self, gconstpointer buffer, gsize size, guint64 offset);

/* What "vmtool disk" is made of. The image is open, but for create. An existing @path is never overwritten. */
gboolean vmt_block_create (const char *format, const char *path, guint64 size, GVariant *options, GError **error);
gboolean vmt_block_resize (VmtBlock *self, guint64 size, GError **error);
/* (transfer full): a{sv} with at least "format", "path", "virtual-size" (t), "disk-size" (t). */
GVariant *vmt_block_get_info (VmtBlock *self);
/* @findings: (element-type utf8), with g_free as its free function. FALSE only when it could not be checked. */
gboolean vmt_block_check (VmtBlock *self, gboolean repair, GPtrArray *findings, guint *n_errors, guint *n_leaks, GError **error);
/* TRUE: the first *@run (1..@size) bytes from @offset are known to read as zeroes; FALSE: they may be anything. */
gboolean vmt_block_is_zero (VmtBlock *self, guint64 offset, guint64 size, guint64 *run);

/* Pieces of scatter lists. @out has room for @n_iov; returns the entries used. */
guint vmt_iov_slice (const VmtIoVec *iov, guint n_iov, guint64 skip, guint64 size, VmtIoVec *out);
guint64 vmt_iov_get_size (const VmtIoVec *iov, guint n_iov);
void vmt_iov_set (const VmtIoVec *iov, guint n_iov, guint64 skip, guint8 byte, guint64 size);
void vmt_iov_store (const VmtIoVec *iov, guint n_iov, guint64 skip, gconstpointer buffer, gsize size);
void vmt_iov_load (const VmtIoVec *iov, guint n_iov, guint64 skip, gpointer buffer, gsize size);

G_END_DECLS
