/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <glib/gstdio.h>

#include "vmt-block-file.h"
#include "vmt-error.h"

/* A disk in memory, which can be slow and can fail. */
#define TEST_TYPE_DISK (test_disk_get_type ())
G_DECLARE_FINAL_TYPE (TestDisk, test_disk, TEST, DISK, VmtBlock)

#define DISK_SIZE 1000003

struct _TestDisk
{
  VmtBlock parent_instance;
  guint8 *data;
  int fail;
  guint delay_us;
  guint flushes, zeroes, writes;
  gboolean no_zeroes;
  GThread *thread;
};

G_DEFINE_FINAL_TYPE (TestDisk, test_disk, VMT_TYPE_BLOCK)

static int
test_disk_preadv (VmtBlock *block, const VmtIoVec *iov, guint n_iov, guint64 offset, guint64 size)
{
  TestDisk *self = TEST_DISK (block);

  self->thread = g_thread_self ();
  g_usleep (self->delay_us);
  for (guint64 i = 0; i < size; i++)
    {
      guint8 byte = offset + i < DISK_SIZE ? self->data[offset + i] : 0;

      vmt_iov_store (iov, n_iov, i, &byte, 1);
    }
  return self->fail;
}

static int
test_disk_pwritev (VmtBlock *block, const VmtIoVec *iov, guint n_iov, guint64 offset, guint64 size)
{
  TestDisk *self = TEST_DISK (block);

  g_usleep (self->delay_us);
  g_assert_cmpuint (offset + size, <=, DISK_SIZE);
  self->writes++;
  if (self->fail == 0)
    vmt_iov_load (iov, n_iov, 0, self->data + offset, size);
  return self->fail;
}

static int
test_disk_flush (VmtBlock *block)
{
  TEST_DISK (block)->flushes++;
  return TEST_DISK (block)->fail;
}

static int
test_disk_discard (VmtBlock *block, guint64 offset, guint64 size)
{
  memset (TEST_DISK (block)->data + offset, 0, size);
  return 0;
}

static int
test_disk_write_zeroes (VmtBlock *block, guint64 offset, guint64 size, gboolean unmap)
{
  TestDisk *self = TEST_DISK (block);

  if (self->no_zeroes)
    return EOPNOTSUPP;
  self->zeroes++;
  memset (self->data + offset, 0, size);
  return 0;
}

static guint64
test_disk_get_length (VmtBlock *block)
{
  return DISK_SIZE;
}

static void
test_disk_finalize (GObject *object)
{
  g_free (TEST_DISK (object)->data);
  G_OBJECT_CLASS (test_disk_parent_class)->finalize (object);
}

static void
test_disk_class_init (TestDiskClass *klass)
{
  VmtBlockClass *block_class = VMT_BLOCK_CLASS (klass);

  G_OBJECT_CLASS (klass)->finalize = test_disk_finalize;
  block_class->preadv = test_disk_preadv;
  block_class->pwritev = test_disk_pwritev;
  block_class->flush = test_disk_flush;
  block_class->discard = test_disk_discard;
  block_class->write_zeroes = test_disk_write_zeroes;
  block_class->get_length = test_disk_get_length;
}

static void
test_disk_init (TestDisk *self)
{
  self->data = g_malloc0 (DISK_SIZE);
}

typedef struct
{
  GMainContext *context;
  VmtBlock *block;
  TestDisk *disk;
  guint done;
} Fixture;

static void
set_up (Fixture *f, gconstpointer data)
{
  f->context = g_main_context_new ();
  f->disk = g_object_new (TEST_TYPE_DISK, NULL);
  f->block = VMT_BLOCK (f->disk);
  g_object_set (f->block, "ephemeral", data != NULL, NULL);
  g_assert_true (vmt_backend_open (VMT_BACKEND (f->block), f->context, NULL));
}

static void
tear_down (Fixture *f, gconstpointer data)
{
  vmt_backend_close (VMT_BACKEND (f->block));
  g_object_unref (f->block);
  g_main_context_unref (f->context);
}

typedef struct
{
  VmtBlockRequest request;
  VmtIoVec iov[3];
  guint8 buffer[8192];
  Fixture *fixture;
  guint order;
} Job;

static void
on_done (VmtBlockRequest *request, gpointer data)
{
  Job *job = data;

  g_assert_true (request == &job->request);
  job->order = ++job->fixture->done;
}

static Job *
make_job (Fixture *f, VmtBlockOp op, guint64 offset, guint64 size)
{
  Job *job = g_new0 (Job, 1);

  job->fixture = f;
  job->iov[0] = (VmtIoVec){ job->buffer, size / 3 };
  job->iov[1] = (VmtIoVec){ job->buffer + size / 3, 0 };
  job->iov[2] = (VmtIoVec){ job->buffer + size / 3, size - size / 3 };
  job->request = (VmtBlockRequest){ .op = op,
                                    .offset = offset,
                                    .size = size,
                                    .iov = job->iov,
                                    .n_iov = 3,
                                    .done = on_done,
                                    .data = job };
  return job;
}

/* In order, on another thread, answered on the context's. */
static void
test_queue (Fixture *f, gconstpointer data)
{
  Job *jobs[200];

  f->disk->delay_us = 50;
  for (guint i = 0; i < G_N_ELEMENTS (jobs); i++)
    {
      jobs[i] = make_job (f, i % 2 == 0 ? VMT_BLOCK_WRITE : VMT_BLOCK_READ, 4000 + i / 2, 1000);
      memset (jobs[i]->buffer, i / 2 + 1, 1000);
      if (i % 2 == 1)
        memset (jobs[i]->buffer, 0xff, 1000);
      vmt_block_submit (f->block, &jobs[i]->request);
    }
  g_assert_cmpuint (f->done, ==, 0);
  for (gint64 until = g_get_monotonic_time () + 20000000;
       f->done < G_N_ELEMENTS (jobs) && g_get_monotonic_time () < until;)
    g_main_context_iteration (f->context, TRUE);
  g_assert_cmpuint (f->done, ==, G_N_ELEMENTS (jobs));
  g_assert_true (f->disk->thread != g_thread_self ());
  for (guint i = 0; i < G_N_ELEMENTS (jobs); i++)
    {
      g_assert_cmpuint (jobs[i]->order, ==, i + 1);
      g_assert_cmpint (jobs[i]->request.status, ==, 0);
      for (guint k = 0; i % 2 == 1 && k < 1000; k++)
        g_assert_cmpint (jobs[i]->buffer[k], ==, i / 2 + 1);
      g_free (jobs[i]);
    }
}

static void
resubmit (VmtBlockRequest *request, gpointer data)
{
  Fixture *f = data;

  if (++f->done < 5)
    vmt_block_submit (f->block, request);
}

/* Draining waits for what completions submit as well. */
static void
test_drain (Fixture *f, gconstpointer data)
{
  Job *job = make_job (f, VMT_BLOCK_READ, 0, 100);

  job->request.done = resubmit;
  job->request.data = f;
  vmt_block_drain (f->block);
  f->disk->delay_us = 2000;
  vmt_block_submit (f->block, &job->request);
  vmt_block_drain (f->block);
  g_assert_cmpuint (f->done, ==, 5);
  g_free (job);
}

/* Closing serves what is queued, and flushes. */
static void
test_close (Fixture *f, gconstpointer data)
{
  Job *jobs[20];

  f->disk->delay_us = 500;
  for (guint i = 0; i < G_N_ELEMENTS (jobs); i++)
    {
      jobs[i] = make_job (f, VMT_BLOCK_WRITE, i * 100, 100);
      memset (jobs[i]->buffer, 'w', 100);
      vmt_block_submit (f->block, &jobs[i]->request);
    }
  vmt_backend_close (VMT_BACKEND (f->block));
  g_assert_cmpuint (f->done, ==, G_N_ELEMENTS (jobs));
  g_assert_cmpuint (f->disk->flushes, ==, 1);
  for (guint i = 0; i < 2000; i++)
    g_assert_cmpint (f->disk->data[i], ==, 'w');
  for (guint i = 0; i < G_N_ELEMENTS (jobs); i++)
    g_free (jobs[i]);
  g_assert_true (vmt_backend_open (VMT_BACKEND (f->block), f->context, NULL));
}

static int
ask (Fixture *f, VmtBlockOp op, guint64 offset, guint64 size)
{
  Job *job = make_job (f, op, offset, MIN (size, sizeof job->buffer));
  int status;

  job->request.size = size;
  vmt_block_submit (f->block, &job->request);
  vmt_block_drain (f->block);
  status = job->request.status;
  g_free (job);
  return status;
}

static void
test_limits (Fixture *f, gconstpointer data)
{
  guint8 bytes[64];

  g_assert_cmpint (ask (f, VMT_BLOCK_WRITE, DISK_SIZE - 100, 100), ==, 0);
  g_assert_cmpint (ask (f, VMT_BLOCK_WRITE, DISK_SIZE - 100, 101), ==, EIO);
  g_assert_cmpint (ask (f, VMT_BLOCK_WRITE, DISK_SIZE, 1), ==, EIO);
  g_assert_cmpint (ask (f, VMT_BLOCK_WRITE, G_MAXUINT64, 1), ==, EIO);
  g_assert_cmpint (ask (f, VMT_BLOCK_WRITE, G_MAXUINT64 - 10, 100), ==, EIO);
  g_assert_cmpint (ask (f, VMT_BLOCK_WRITE, DISK_SIZE, 0), ==, 0);
  g_assert_cmpint (ask (f, VMT_BLOCK_DISCARD, 10, G_MAXUINT64), ==, EIO);
  g_assert_cmpint (ask (f, VMT_BLOCK_WRITE_ZEROES, 10, G_MAXUINT64 - 5), ==, EIO);
  g_assert_cmpint (ask (f, VMT_BLOCK_READ, G_MAXUINT64 - 3, 100), ==, 0);
  memset (f->disk->data + DISK_SIZE - 10, 'e', 10);
  memset (bytes, 0xff, sizeof bytes);
  g_assert_cmpint (vmt_block_pread (f->block, bytes, sizeof bytes, DISK_SIZE - 10), ==, 0);
  g_assert_cmpint (bytes[9], ==, 'e');
  for (guint i = 10; i < sizeof bytes; i++)
    g_assert_cmpint (bytes[i], ==, 0);

  f->disk->fail = ENOSPC;
  g_assert_cmpint (ask (f, VMT_BLOCK_WRITE, 0, 10), ==, ENOSPC);
  g_assert_cmpint (ask (f, VMT_BLOCK_FLUSH, 0, 0), ==, ENOSPC);
  f->disk->fail = 0;

  /* Where the format has no way to write zeroes they are written out. */
  f->disk->no_zeroes = TRUE;
  memset (f->disk->data, 'x', DISK_SIZE);
  f->disk->writes = 0;
  g_assert_cmpint (ask (f, VMT_BLOCK_WRITE_ZEROES, 5, 200000), ==, 0);
  g_assert_cmpuint (f->disk->writes, ==, 4);
  g_assert_cmpint (f->disk->data[4], ==, 'x');
  g_assert_cmpint (f->disk->data[200005], ==, 'x');
  for (guint i = 5; i < 200005; i++)
    g_assert_cmpint (f->disk->data[i], ==, 0);

  /* Discarding that was switched off does nothing. */
  vmt_backend_close (VMT_BACKEND (f->block));
  g_object_set (f->block, "discard", FALSE, NULL);
  g_assert_true (vmt_backend_open (VMT_BACKEND (f->block), f->context, NULL));
  memset (f->disk->data, 'x', 100);
  g_assert_cmpint (ask (f, VMT_BLOCK_DISCARD, 0, 100), ==, 0);
  g_assert_cmpint (f->disk->data[50], ==, 'x');

  vmt_backend_close (VMT_BACKEND (f->block));
  g_object_set (f->block, "readonly", TRUE, NULL);
  g_assert_true (vmt_backend_open (VMT_BACKEND (f->block), f->context, NULL));
  g_assert_cmpint (ask (f, VMT_BLOCK_WRITE, 0, 10), ==, EROFS);
  g_assert_cmpint (ask (f, VMT_BLOCK_DISCARD, 0, 10), ==, EROFS);
  g_assert_cmpint (ask (f, VMT_BLOCK_WRITE_ZEROES, 0, 10), ==, EROFS);
  g_assert_cmpint (ask (f, VMT_BLOCK_FLUSH, 0, 0), ==, 0);
  g_assert_cmpint (ask (f, VMT_BLOCK_READ, 0, 10), ==, 0);
}

/* An overlay behaves as the disk would, and the disk stays as it was. */
static void
test_overlay (Fixture *f, gconstpointer data)
{
  g_autofree guint8 *shadow = g_malloc (DISK_SIZE), *before = NULL, *bytes = g_malloc (70000);
  g_autoptr (GRand) random = g_rand_new_with_seed (3);

  for (guint i = 0; i < DISK_SIZE; i++)
    f->disk->data[i] = shadow[i] = g_rand_int (random);
  before = g_memdup2 (f->disk->data, DISK_SIZE);
  for (guint i = 0; i < 3000; i++)
    {
      guint offset = g_rand_int_range (random, 0, DISK_SIZE);
      guint size = g_rand_int_range (random, 1, i % 5 == 0 ? 70000 : 5000);

      size = MIN (size, DISK_SIZE - offset);
      switch (g_rand_int_range (random, 0, 8))
        {
        case 0:
        case 1:
          for (guint k = 0; k < size; k++)
            bytes[k] = shadow[offset + k] = g_rand_int (random);
          g_assert_cmpint (vmt_block_pwrite (f->block, bytes, size, offset), ==, 0);
          break;
        case 2:
          memset (shadow + offset, 0, size);
          g_assert_cmpint (vmt_block_write_zeroes (f->block, offset, size, TRUE), ==, 0);
          break;
        default:
          g_assert_cmpint (vmt_block_pread (f->block, bytes, size, offset), ==, 0);
          g_assert_cmpmem (bytes, size, shadow + offset, size);
        }
    }
  g_assert_cmpint (vmt_block_flush (f->block), ==, 0);
  g_assert_cmpuint (f->disk->writes + f->disk->zeroes + f->disk->flushes, ==, 0);
  g_assert_cmpmem (f->disk->data, DISK_SIZE, before, DISK_SIZE);
  /* Gone with the machine. */
  vmt_backend_close (VMT_BACKEND (f->block));
  g_assert_true (vmt_backend_open (VMT_BACKEND (f->block), f->context, NULL));
  g_assert_cmpint (vmt_block_pread (f->block, bytes, 70000, 1000), ==, 0);
  g_assert_cmpmem (bytes, 70000, before + 1000, 70000);
}

/* Files: locks between two openings, and what is said of the holder. */
static void
test_file (void)
{
  g_autofree char *folder = g_dir_make_tmp ("vmtool-file-XXXXXX", NULL);
  g_autofree char *path = g_build_filename (folder, "a", NULL);
  g_autofree char *fifo = g_build_filename (folder, "fifo", NULL);
  g_autofree char *records = g_build_filename (g_get_user_runtime_dir (), "vmtool", "locks", NULL);
  g_autoptr (GError) error = NULL;
  VmtBlockFile *file, *other;
  guint8 bytes[100];
  guint64 run;

  file = vmt_block_file_create (path, &error);
  g_assert_no_error (error);
  g_assert_null (vmt_block_file_create (path, &error));
  g_assert_error (error, VMT_ERROR, VMT_ERROR_BUSY);
  g_clear_error (&error);
  g_assert_null (vmt_block_file_open (path, TRUE, NULL, &error));
  g_assert_error (error, VMT_ERROR, VMT_ERROR_BUSY);
  {
    g_autofree char *pid = g_strdup_printf ("process %d", (int)getpid ());

    if (g_file_test (records, G_FILE_TEST_IS_DIR))
      g_assert_nonnull (strstr (error->message, pid));
  }
  g_clear_error (&error);
  g_assert_cmpint (vmt_block_file_pwrite (file, "hello", 5, 1 << 20), ==, 0);
  g_assert_cmpint (vmt_block_file_pread (file, bytes, 100, (1 << 20) - 50), ==, 0);
  g_assert_cmpint (bytes[50], ==, 'h');
  g_assert_cmpint (bytes[99], ==, 0);
  g_assert_cmpint (vmt_block_file_pread (file, bytes, 100, G_MAXUINT64 - 10), ==, EFBIG);
  g_assert_cmpint (vmt_block_file_pwrite (file, bytes, 100, G_MAXINT64), ==, EFBIG);
  if (vmt_block_file_is_hole (file, 0, 4096, &run))
    g_assert_cmpuint (run, ==, 4096);
  g_assert_false (vmt_block_file_is_hole (file, 1 << 20, 5, &run));
  g_assert_cmpuint (vmt_block_file_get_size (file), ==, (1 << 20) + 5);
  vmt_block_file_close (file);

  file = vmt_block_file_open (path, TRUE, NULL, &error);
  other = vmt_block_file_open (path, TRUE, NULL, &error);
  g_assert_no_error (error);
  g_assert_null (vmt_block_file_open (path, FALSE, NULL, &error));
  g_assert_error (error, VMT_ERROR, VMT_ERROR_BUSY);
  g_clear_error (&error);
  vmt_block_file_close (file);
  vmt_block_file_close (other);
  file = vmt_block_file_open (path, FALSE, NULL, &error);
  g_assert_no_error (error);
  vmt_block_file_close (file);

  g_assert_null (vmt_block_file_open (folder, TRUE, NULL, &error));
  g_clear_error (&error);
  g_assert_null (vmt_block_file_open ("/dev/zero", TRUE, NULL, &error));
  g_assert_error (error, VMT_ERROR, VMT_ERROR_INVALID);
  g_clear_error (&error);
  g_assert_cmpint (mkfifo (fifo, 0600), ==, 0);
  g_assert_null (vmt_block_file_open (fifo, TRUE, NULL, &error));
  g_assert_error (error, VMT_ERROR, VMT_ERROR_INVALID);
  g_unlink (fifo);
  g_unlink (path);
  g_rmdir (folder);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add ("/backend/block/queue", Fixture, NULL, set_up, test_queue, tear_down);
  g_test_add ("/backend/block/drain", Fixture, NULL, set_up, test_drain, tear_down);
  g_test_add ("/backend/block/close", Fixture, NULL, set_up, test_close, tear_down);
  g_test_add ("/backend/block/limits", Fixture, NULL, set_up, test_limits, tear_down);
  g_test_add ("/backend/block/overlay", Fixture, "", set_up, test_overlay, tear_down);
  g_test_add_func ("/backend/block/file", test_file);
  return g_test_run ();
}
