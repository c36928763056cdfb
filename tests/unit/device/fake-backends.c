/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fake-backends.h"

#include <string.h>

G_DEFINE_TYPE (FakeChar, fake_char, VMT_TYPE_CHAR)
G_DEFINE_TYPE (FakeBlock, fake_block, VMT_TYPE_BLOCK)
G_DEFINE_TYPE (FakeNet, fake_net, VMT_TYPE_NET)
G_DEFINE_TYPE (FakeEntropy, fake_entropy, VMT_TYPE_ENTROPY)

static gsize
fake_char_write (VmtChar *backend, const guint8 *data, gsize size)
{
  FakeChar *self = (FakeChar *)backend;

  size = MIN (size, self->room);
  if (self->room != G_MAXSIZE)
    self->room -= size;
  g_byte_array_append (self->written, data, size);
  return size;
}

static void
fake_char_resume (VmtChar *backend)
{
  FakeChar *self = (FakeChar *)backend;

  while (self->sent < self->input->len)
    {
      gsize room = MIN (vmt_char_can_receive (backend), self->input->len - self->sent);

      if (room == 0)
        return;
      vmt_char_receive (backend, self->input->data + self->sent, room);
      self->sent += room;
    }
}

static void
fake_char_finalize (GObject *object)
{
  FakeChar *self = (FakeChar *)object;

  g_byte_array_unref (self->written);
  g_byte_array_unref (self->input);
  G_OBJECT_CLASS (fake_char_parent_class)->finalize (object);
}

static void
fake_char_class_init (FakeCharClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = fake_char_finalize;
  klass->write = fake_char_write;
  klass->resume = fake_char_resume;
}

static void
fake_char_init (FakeChar *self)
{
  self->written = g_byte_array_new ();
  self->input = g_byte_array_new ();
  self->room = G_MAXSIZE;
}

FakeChar *
fake_char_new (void)
{
  return g_object_new (fake_char_get_type (), NULL);
}

void
fake_char_type (FakeChar *self, gconstpointer data, gsize size)
{
  g_byte_array_append (self->input, data, size);
  fake_char_resume (VMT_CHAR (self));
}

void
fake_char_make_room (FakeChar *self, gsize room)
{
  self->room = room;
  vmt_char_writable (VMT_CHAR (self));
}

static void
wait_until_let_go (FakeBlock *self)
{
  g_mutex_lock (&self->lock);
  while (self->held)
    g_cond_wait (&self->changed, &self->lock);
  g_mutex_unlock (&self->lock);
}

static int
fake_block_preadv (VmtBlock *block, const VmtIoVec *iov, guint n_iov, guint64 offset, guint64 size)
{
  FakeBlock *self = (FakeBlock *)block;

  wait_until_let_go (self);
  for (guint i = 0; i < n_iov; offset += iov[i].size, i++)
    memcpy (iov[i].base, self->bytes + offset, iov[i].size);
  return g_atomic_int_get (&self->fail);
}

static int
fake_block_pwritev (VmtBlock *block, const VmtIoVec *iov, guint n_iov, guint64 offset, guint64 size)
{
  FakeBlock *self = (FakeBlock *)block;

  wait_until_let_go (self);
  if (g_atomic_int_get (&self->fail) == 0)
    for (guint i = 0; i < n_iov; offset += iov[i].size, i++)
      memcpy (self->bytes + offset, iov[i].base, iov[i].size);
  return g_atomic_int_get (&self->fail);
}

static int
fake_block_flush (VmtBlock *block)
{
  FakeBlock *self = (FakeBlock *)block;

  wait_until_let_go (self);
  self->flushes++;
  return g_atomic_int_get (&self->fail);
}

static int
fake_block_discard (VmtBlock *block, guint64 offset, guint64 size)
{
  FakeBlock *self = (FakeBlock *)block;

  self->discards++;
  memset (self->bytes + offset, 0xdd, size);
  return g_atomic_int_get (&self->fail);
}

static int
fake_block_write_zeroes (VmtBlock *block, guint64 offset, guint64 size, gboolean unmap)
{
  FakeBlock *self = (FakeBlock *)block;

  self->zeroes++;
  memset (self->bytes + offset, 0, size);
  return g_atomic_int_get (&self->fail);
}

static guint64
fake_block_get_length (VmtBlock *block)
{
  return ((FakeBlock *)block)->size;
}

static void
fake_block_finalize (GObject *object)
{
  FakeBlock *self = (FakeBlock *)object;

  g_free (self->bytes);
  g_mutex_clear (&self->lock);
  g_cond_clear (&self->changed);
  G_OBJECT_CLASS (fake_block_parent_class)->finalize (object);
}

static void
fake_block_class_init (FakeBlockClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = fake_block_finalize;
  klass->preadv = fake_block_preadv;
  klass->pwritev = fake_block_pwritev;
  klass->flush = fake_block_flush;
  klass->discard = fake_block_discard;
  klass->write_zeroes = fake_block_write_zeroes;
  klass->get_length = fake_block_get_length;
}

static void
fake_block_init (FakeBlock *self)
{
  g_mutex_init (&self->lock);
  g_cond_init (&self->changed);
}

FakeBlock *
fake_block_new (gsize size)
{
  FakeBlock *self = g_object_new (fake_block_get_type (), NULL);

  self->size = size;
  self->bytes = g_malloc0 (size);
  return self;
}

void
fake_block_hold (FakeBlock *self, gboolean held)
{
  g_mutex_lock (&self->lock);
  self->held = held;
  g_cond_broadcast (&self->changed);
  g_mutex_unlock (&self->lock);
}

static void
fake_net_send (VmtNet *net, const guint8 *frame, gsize size)
{
  FakeNet *self = (FakeNet *)net;

  g_byte_array_set_size (self->last, 0);
  g_byte_array_append (self->last, frame, size);
  self->n_sent++;
}

static void
fake_net_resume (VmtNet *net)
{
  ((FakeNet *)net)->n_resumed++;
}

static void
fake_net_finalize (GObject *object)
{
  g_byte_array_unref (((FakeNet *)object)->last);
  G_OBJECT_CLASS (fake_net_parent_class)->finalize (object);
}

static void
fake_net_class_init (FakeNetClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = fake_net_finalize;
  klass->send = fake_net_send;
  klass->resume = fake_net_resume;
  klass->flags = VMT_NET_LARGE_TCP | VMT_NET_CHECKED;
}

static void
fake_net_init (FakeNet *self)
{
  self->last = g_byte_array_new ();
}

FakeNet *
fake_net_new (void)
{
  return g_object_new (fake_net_get_type (), NULL);
}

static gboolean
fake_entropy_fill (VmtEntropy *entropy, guint8 *buffer, gsize size)
{
  FakeEntropy *self = (FakeEntropy *)entropy;

  for (gsize i = 0; i < size && !self->broken; i++)
    buffer[i] = ++self->next;
  return !self->broken;
}

static void
fake_entropy_class_init (FakeEntropyClass *klass)
{
  klass->fill = fake_entropy_fill;
}

static void
fake_entropy_init (FakeEntropy *self)
{
}

FakeEntropy *
fake_entropy_new (void)
{
  return g_object_new (fake_entropy_get_type (), NULL);
}
