/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmt-char-fd.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <glib-unix.h>

#include "vmt-waker-private.h"

#define OUT_SIZE (64u << 10)
#define IN_CHUNK (4u << 10)
#define IN_LIMIT ((gsize)64 << 10)
#define IN_LIMIT_LOSSY ((gsize)1 << 20)
/* Serial ports write byte by byte: a moment's wait makes one system call of a line. */
#define GATHER_US 1000

struct _VmtCharFd
{
  VmtChar *stream;
  const VmtCharFdFuncs *funcs;
  gpointer owner;
  GMainContext *context;

  int in;
  gboolean lossy;
  GSource *in_source;
  GByteArray *queue; /* input from @queue_head on */
  gsize queue_head;

  GMutex lock;
  /* With @lock; the context's thread alone takes bytes out. */
  int out;
  guint8 *ring;
  guint ring_head, ring_size;
  gboolean short_write;

  GSource *out_source;
  VmtWaker *flusher;
};

static void flush_now (gpointer data);
static void watch_input (VmtCharFd *self);

VmtCharFd *
vmt_char_fd_new (VmtChar *stream, const VmtCharFdFuncs *funcs, gpointer owner)
{
  VmtCharFd *self = g_new0 (VmtCharFd, 1);

  self->stream = stream;
  self->funcs = funcs;
  self->owner = owner;
  self->context = vmt_backend_get_context (VMT_BACKEND (stream));
  self->in = self->out = -1;
  self->queue = g_byte_array_new ();
  self->ring = g_malloc (OUT_SIZE);
  g_mutex_init (&self->lock);
  self->flusher = vmt_waker_new (self->context, flush_now, self);
  return self;
}

static void
drop_source (GSource **source)
{
  if (*source == NULL)
    return;
  g_source_destroy (*source);
  g_source_unref (*source);
  *source = NULL;
}

void
vmt_char_fd_free (VmtCharFd *self)
{
  drop_source (&self->in_source);
  drop_source (&self->out_source);
  vmt_waker_free (self->flusher);
  g_byte_array_unref (self->queue);
  g_mutex_clear (&self->lock);
  g_free (self->ring);
  g_free (self);
}

void
vmt_char_fd_set (VmtCharFd *self, int in, int out, gboolean lossy)
{
  gboolean was_short;

  drop_source (&self->in_source);
  drop_source (&self->out_source);
  self->in = in;
  self->lossy = lossy;
  g_mutex_lock (&self->lock);
  self->out = out;
  self->ring_head = self->ring_size = 0;
  was_short = self->short_write;
  self->short_write = FALSE;
  g_mutex_unlock (&self->lock);
  watch_input (self);
  if (was_short)
    vmt_char_writable (self->stream);
}

/* write() that raises no SIGPIPE: the process's handlers are not ours to change. */
static ssize_t
write_quietly (int fd, const guint8 *data, gsize size)
{
  sigset_t pipe, pending, old;
  gboolean was_pending;
  ssize_t n = send (fd, data, size, MSG_NOSIGNAL | MSG_DONTWAIT);
  int code;

  if (n >= 0 || errno != ENOTSOCK)
    return n;
  sigemptyset (&pipe);
  sigaddset (&pipe, SIGPIPE);
  sigpending (&pending);
  was_pending = sigismember (&pending, SIGPIPE);
  pthread_sigmask (SIG_BLOCK, &pipe, &old);
  n = write (fd, data, size);
  code = errno;
  if (n < 0 && code == EPIPE && !was_pending)
    {
      const struct timespec none = { 0, 0 };

      while (sigtimedwait (&pipe, NULL, &none) < 0 && errno == EINTR)
        ;
    }
  pthread_sigmask (SIG_SETMASK, &old, NULL);
  errno = code;
  return n;
}

/* Writes one piece of the ring. TRUE: go on; FALSE: nothing left, or it would block (*@blocked). */
static gboolean
write_piece (VmtCharFd *self, gboolean *blocked)
{
  const guint8 *data;
  guint size;
  int fd;
  ssize_t n;
  int code;

  g_mutex_lock (&self->lock);
  fd = self->out;
  data = self->ring + self->ring_head;
  size = MIN (self->ring_size, OUT_SIZE - self->ring_head);
  g_mutex_unlock (&self->lock);
  *blocked = FALSE;
  if (size == 0 || fd < 0)
    return FALSE;

  n = write_quietly (fd, data, size);
  code = errno;
  if (n < 0 && code == EINTR)
    return TRUE;
  if (n < 0 && (code == EAGAIN || code == EWOULDBLOCK))
    {
      *blocked = TRUE;
      return FALSE;
    }
  g_mutex_lock (&self->lock);
  if (n < 0)
    {
      /* Nobody reads any more, or the disk is full: the guest's port is left unplugged. */
      self->out = -1;
      self->ring_size = 0;
    }
  else
    {
      self->ring_head = (self->ring_head + n) % OUT_SIZE;
      self->ring_size -= n;
    }
  g_mutex_unlock (&self->lock);
  return TRUE;
}

static gboolean
on_writable (int fd, GIOCondition condition, gpointer data)
{
  VmtCharFd *self = data;

  drop_source (&self->out_source);
  flush_now (self);
  return G_SOURCE_REMOVE;
}

static void
flush_now (gpointer data)
{
  VmtCharFd *self = data;
  gboolean blocked = FALSE, tell;

  if (self->out_source != NULL)
    return; /* until the descriptor takes more */
  while (write_piece (self, &blocked))
    ;
  if (blocked)
    {
      self->out_source = g_unix_fd_source_new (self->out, G_IO_OUT | G_IO_ERR | G_IO_HUP);
      g_source_set_callback (self->out_source, G_SOURCE_FUNC (on_writable), self, NULL);
      g_source_attach (self->out_source, self->context);
    }
  g_mutex_lock (&self->lock);
  tell = self->short_write && self->ring_size <= OUT_SIZE / 2;
  if (tell)
    self->short_write = FALSE;
  g_mutex_unlock (&self->lock);
  if (tell)
    vmt_char_writable (self->stream);
}

gsize
vmt_char_fd_write (VmtCharFd *self, const guint8 *data, gsize size)
{
  gsize done = size;

  g_mutex_lock (&self->lock);
  if (self->out >= 0)
    {
      done = 0;
      while (done < size && self->ring_size < OUT_SIZE)
        {
          guint at = (self->ring_head + self->ring_size) % OUT_SIZE;
          guint take = MIN (MIN (size - done, OUT_SIZE - self->ring_size), OUT_SIZE - at);

          memcpy (self->ring + at, data + done, take);
          self->ring_size += take;
          done += take;
        }
      if (done < size)
        self->short_write = TRUE;
      vmt_waker_wake_in (self->flusher, GATHER_US);
    }
  g_mutex_unlock (&self->lock);
  return done;
}

void
vmt_char_fd_flush (VmtCharFd *self, guint milliseconds)
{
  gboolean blocked;

  for (;;)
    {
      struct pollfd poll_fd;
      int n;

      while (write_piece (self, &blocked))
        ;
      if (!blocked)
        return;
      poll_fd = (struct pollfd){ self->out, POLLOUT, 0 };
      n = poll (&poll_fd, 1, milliseconds);
      if (n == 0 || (n < 0 && errno != EINTR))
        return;
    }
}

/* Gives the device what it takes. */
static void
pump (VmtCharFd *self)
{
  while (self->queue_head < self->queue->len)
    {
      gsize room = vmt_char_can_receive (self->stream);
      gsize take = MIN (room, self->queue->len - self->queue_head);

      if (take == 0)
        return;
      self->queue_head += take;
      vmt_char_receive (self->stream, self->queue->data + self->queue_head - take, take);
    }
  g_byte_array_set_size (self->queue, 0);
  self->queue_head = 0;
}

static gboolean
is_full (VmtCharFd *self)
{
  return self->queue->len - self->queue_head >= (self->lossy ? IN_LIMIT_LOSSY : IN_LIMIT);
}

static gboolean
on_readable (int fd, GIOCondition condition, gpointer data)
{
  VmtCharFd *self = data;
  guint8 bytes[IN_CHUNK];
  ssize_t n = read (fd, bytes, sizeof bytes);

  if (n < 0 && (errno == EINTR || errno == EAGAIN))
    return G_SOURCE_CONTINUE;
  if (n <= 0)
    {
      self->in = -1;
      drop_source (&self->in_source);
      if (self->funcs != NULL && self->funcs->ended != NULL)
        self->funcs->ended (self->owner);
      return G_SOURCE_REMOVE;
    }
  if (self->funcs != NULL && self->funcs->filter != NULL)
    n = self->funcs->filter (self->owner, bytes, n);
  vmt_char_fd_push (self, bytes, n);
  /* The filter may have closed us: @self is the caller's to keep until it returns to the context.
   */
  if (is_full (self) && !self->lossy)
    drop_source (&self->in_source);
  return G_SOURCE_CONTINUE;
}

static void
watch_input (VmtCharFd *self)
{
  if (self->in < 0 || self->in_source != NULL || (is_full (self) && !self->lossy))
    return;
  self->in_source = g_unix_fd_source_new (self->in, G_IO_IN | G_IO_ERR | G_IO_HUP);
  g_source_set_callback (self->in_source, G_SOURCE_FUNC (on_readable), self, NULL);
  g_source_attach (self->in_source, self->context);
}

void
vmt_char_fd_resume (VmtCharFd *self)
{
  pump (self);
  watch_input (self);
}

void
vmt_char_fd_push (VmtCharFd *self, const guint8 *data, gsize size)
{
  if (self->queue_head > IN_LIMIT)
    {
      g_byte_array_remove_range (self->queue, 0, self->queue_head);
      self->queue_head = 0;
    }
  if (!is_full (self))
    g_byte_array_append (self->queue, data, size);
  pump (self);
}

int
vmt_char_fd_dup_writer (int fd)
{
  char name[64];
  struct stat st;
  int writer;

  if (fstat (fd, &st) != 0)
    return -1;
  /* Files share their offset, and never block; sockets cannot be opened again, and have
   * MSG_DONTWAIT. */
  if (!S_ISCHR (st.st_mode) && !S_ISFIFO (st.st_mode))
    return fcntl (fd, F_DUPFD_CLOEXEC, 3);
  snprintf (name, sizeof name, "/proc/self/fd/%d", fd);
  writer = open (name, O_WRONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
  return writer >= 0 ? writer : fcntl (fd, F_DUPFD_CLOEXEC, 3);
}
