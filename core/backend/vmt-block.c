/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmt-block.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vmt-block-private.h"
#include "vmt-error.h"
#include "vmt-param.h"
#include "vmt-registry.h"
#include "vmt-waker-private.h"

#define ZERO_STEP ((gsize)64 << 10)

typedef struct
{
  char *path;
  gboolean readonly, ephemeral, discard, checking;
  /* Probing, not the user, said that it is raw; the mark is made before the guest may change the
   * first bytes. */
  gboolean probed_raw;
  VmtBlockOverlay *overlay;

  GThread *thread;
  GMutex lock;
  GCond changed;
  /* With @lock: */
  VmtBlockRequest *head, *tail;
  VmtBlockRequest *done_head, *done_tail;
  gboolean busy, stop;

  VmtWaker *waker;
} VmtBlockPrivate;

G_DEFINE_ABSTRACT_TYPE_WITH_PRIVATE (VmtBlock, vmt_block, VMT_TYPE_BACKEND)

enum
{
  PROP_0,
  PROP_PATH,
  PROP_READONLY,
  PROP_EPHEMERAL,
  PROP_FORMAT,
  PROP_DISCARD,
  PROP_CHECKING,
  N_PROPS
};

static GParamSpec *properties[N_PROPS];

static void
append (VmtBlockRequest **head, VmtBlockRequest **tail, VmtBlockRequest *request)
{
  request->next = NULL;
  if (*head == NULL)
    *head = request;
  else
    (*tail)->next = request;
  *tail = request;
}

/* Before the guest can write what a probe looks at. */
static int
keep_raw (VmtBlock *self, VmtBlockPrivate *priv, guint64 offset)
{
  if (!priv->probed_raw || offset >= VMT_BLOCK_HEAD || priv->overlay != NULL)
    return 0;
  if (!vmt_block_mark_raw (priv->path))
    return EPERM;
  priv->probed_raw = FALSE;
  return 0;
}

static int
do_read (VmtBlock *self, const VmtIoVec *iov, guint n_iov, guint64 offset, guint64 size)
{
  VmtBlockPrivate *priv = vmt_block_get_instance_private (self);
  guint64 length = vmt_block_get_length (self);
  guint64 inside = offset < length ? MIN (size, length - offset) : 0;

  if (inside < size)
    vmt_iov_set (iov, n_iov, inside, 0, size - inside);
  if (inside == 0)
    return 0;
  if (priv->overlay != NULL)
    return vmt_block_overlay_readv (priv->overlay, self, iov, n_iov, offset, inside);
  return VMT_BLOCK_GET_CLASS (self)->preadv (self, iov, n_iov, offset, inside);
}

/* EROFS, EIO beyond the end. */
static int
check_write (VmtBlock *self, guint64 offset, guint64 size)
{
  VmtBlockPrivate *priv = vmt_block_get_instance_private (self);
  guint64 length = vmt_block_get_length (self);

  if (priv->readonly)
    return EROFS;
  if (offset > length || size > length - offset)
    return EIO;
  return keep_raw (self, priv, offset);
}

static int
do_write (VmtBlock *self, const VmtIoVec *iov, guint n_iov, guint64 offset, guint64 size)
{
  VmtBlockPrivate *priv = vmt_block_get_instance_private (self);
  int rc = check_write (self, offset, size);

  if (rc != 0 || size == 0)
    return rc;
  if (priv->overlay != NULL)
    return vmt_block_overlay_writev (priv->overlay, self, iov, n_iov, offset, size);
  return VMT_BLOCK_GET_CLASS (self)->pwritev (self, iov, n_iov, offset, size);
}

static int
do_flush (VmtBlock *self)
{
  VmtBlockPrivate *priv = vmt_block_get_instance_private (self);
  VmtBlockClass *klass = VMT_BLOCK_GET_CLASS (self);

  /* What goes away with the process need not reach a disk. */
  if (priv->overlay != NULL || priv->readonly || klass->flush == NULL)
    return 0;
  return klass->flush (self);
}

static int
do_zero (VmtBlock *self, guint64 offset, guint64 size, gboolean unmap)
{
  static const guint8 zeroes[ZERO_STEP];
  VmtBlockPrivate *priv = vmt_block_get_instance_private (self);
  VmtBlockClass *klass = VMT_BLOCK_GET_CLASS (self);
  int rc = check_write (self, offset, size);

  if (rc != 0 || size == 0)
    return rc;
  if (priv->overlay != NULL)
    return vmt_block_overlay_zero (priv->overlay, self, offset, size);
  if (klass->write_zeroes != NULL)
    {
      rc = klass->write_zeroes (self, offset, size, unmap);
      if (rc != EOPNOTSUPP)
        return rc;
    }
  for (guint64 at = 0; at < size; at += ZERO_STEP)
    {
      VmtIoVec iov = { (gpointer)zeroes, MIN (ZERO_STEP, size - at) };

      rc = klass->pwritev (self, &iov, 1, offset + at, iov.size);
      if (rc != 0)
        return rc;
    }
  return 0;
}

static int
do_discard (VmtBlock *self, guint64 offset, guint64 size)
{
  VmtBlockPrivate *priv = vmt_block_get_instance_private (self);
  VmtBlockClass *klass = VMT_BLOCK_GET_CLASS (self);
  int rc;

  if (!priv->discard)
    return priv->readonly ? EROFS : 0;
  rc = check_write (self, offset, size);
  if (rc != 0 || size == 0)
    return rc;
  if (priv->overlay != NULL)
    return vmt_block_overlay_zero (priv->overlay, self, offset, size);
  if (klass->discard == NULL)
    return 0;
  rc = klass->discard (self, offset, size);
  return rc == EOPNOTSUPP ? 0 : rc; /* only ever a hint */
}

static int
serve (VmtBlock *self, VmtBlockRequest *request)
{
  VmtBlockPrivate *priv = vmt_block_get_instance_private (self);

  switch (request->op)
    {
    case VMT_BLOCK_READ:
      return do_read (self, request->iov, request->n_iov, request->offset, request->size);
    case VMT_BLOCK_WRITE:
      return do_write (self, request->iov, request->n_iov, request->offset, request->size);
    case VMT_BLOCK_FLUSH:
      return do_flush (self);
    case VMT_BLOCK_DISCARD:
      return do_discard (self, request->offset, request->size);
    case VMT_BLOCK_WRITE_ZEROES:
      return do_zero (self, request->offset, request->size, priv->discard);
    }
  return EINVAL;
}

static gpointer
worker (gpointer data)
{
  VmtBlock *self = data;
  VmtBlockPrivate *priv = vmt_block_get_instance_private (self);

  g_mutex_lock (&priv->lock);
  for (;;)
    {
      VmtBlockRequest *request = priv->head;

      if (request == NULL)
        {
          if (priv->stop)
            break;
          g_cond_wait (&priv->changed, &priv->lock);
          continue;
        }
      priv->head = request->next;
      priv->busy = TRUE;
      g_mutex_unlock (&priv->lock);
      request->status = serve (self, request);
      g_mutex_lock (&priv->lock);
      priv->busy = FALSE;
      append (&priv->done_head, &priv->done_tail, request);
      vmt_waker_wake (priv->waker);
      if (priv->head == NULL)
        g_cond_broadcast (&priv->changed);
    }
  g_mutex_unlock (&priv->lock);
  return NULL;
}

/* On the machine's context. */
static void
deliver (gpointer data)
{
  VmtBlockPrivate *priv = vmt_block_get_instance_private (VMT_BLOCK (data));
  VmtBlockRequest *request;

  g_mutex_lock (&priv->lock);
  request = g_steal_pointer (&priv->done_head);
  g_mutex_unlock (&priv->lock);
  while (request != NULL)
    {
      VmtBlockRequest *next = request->next; /* done() may free or submit it */

      request->done (request, request->data);
      request = next;
    }
}

static gboolean
vmt_block_real_open (VmtBackend *backend, GError **error)
{
  VmtBlock *self = VMT_BLOCK (backend);
  VmtBlockPrivate *priv = vmt_block_get_instance_private (self);

  if (priv->ephemeral && !priv->readonly)
    {
      priv->overlay = vmt_block_overlay_new (vmt_block_get_length (self), error);
      if (priv->overlay == NULL)
        return FALSE;
    }
  priv->waker = vmt_waker_new (vmt_backend_get_context (backend), deliver, self);
  return TRUE;
}

static void
vmt_block_real_close (VmtBackend *backend)
{
  VmtBlock *self = VMT_BLOCK (backend);
  VmtBlockPrivate *priv = vmt_block_get_instance_private (self);

  if (priv->thread != NULL)
    {
      g_mutex_lock (&priv->lock);
      priv->stop = TRUE;
      g_cond_broadcast (&priv->changed);
      g_mutex_unlock (&priv->lock);
      g_thread_join (g_steal_pointer (&priv->thread));
      priv->stop = FALSE;
    }
  deliver (self);
  g_clear_pointer (&priv->waker, vmt_waker_free);
  /* The guest was told about every failed flush; this one is for what it never flushed. */
  do_flush (self);
  g_clear_pointer (&priv->overlay, vmt_block_overlay_free);
}

static void
vmt_block_get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  VmtBlockPrivate *priv = vmt_block_get_instance_private (VMT_BLOCK (object));

  switch (id)
    {
    case PROP_PATH:
      g_value_set_string (value, priv->path);
      break;
    case PROP_READONLY:
      g_value_set_boolean (value, priv->readonly);
      break;
    case PROP_EPHEMERAL:
      g_value_set_boolean (value, priv->ephemeral);
      break;
    case PROP_FORMAT:
      g_value_set_string (value, VMT_BLOCK_GET_CLASS (object)->format);
      break;
    case PROP_DISCARD:
      g_value_set_boolean (value, priv->discard);
      break;
    case PROP_CHECKING:
      g_value_set_boolean (value, priv->checking);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
    }
}

static void
vmt_block_set_property (GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
  VmtBlockPrivate *priv = vmt_block_get_instance_private (VMT_BLOCK (object));

  switch (id)
    {
    case PROP_PATH:
      g_free (priv->path);
      priv->path = g_value_dup_string (value);
      break;
    case PROP_READONLY:
      priv->readonly = g_value_get_boolean (value);
      break;
    case PROP_EPHEMERAL:
      priv->ephemeral = g_value_get_boolean (value);
      break;
    case PROP_DISCARD:
      priv->discard = g_value_get_boolean (value);
      break;
    case PROP_CHECKING:
      priv->checking = g_value_get_boolean (value);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
    }
}

static void
vmt_block_finalize (GObject *object)
{
  VmtBlockPrivate *priv = vmt_block_get_instance_private (VMT_BLOCK (object));

  g_free (priv->path);
  g_mutex_clear (&priv->lock);
  g_cond_clear (&priv->changed);
  G_OBJECT_CLASS (vmt_block_parent_class)->finalize (object);
}

static void
vmt_block_class_init (VmtBlockClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GParamFlags flags = G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS;

  object_class->get_property = vmt_block_get_property;
  object_class->set_property = vmt_block_set_property;
  object_class->finalize = vmt_block_finalize;
  VMT_BACKEND_CLASS (klass)->open = vmt_block_real_open;
  VMT_BACKEND_CLASS (klass)->close = vmt_block_real_close;

  properties[PROP_PATH] = vmt_param_spec_file (
      "path", "The image: a file, or a block device of the host", flags | VMT_PARAM_HOST);
  properties[PROP_READONLY] =
      g_param_spec_boolean ("readonly", NULL, "The guest cannot write", FALSE, flags);
  properties[PROP_EPHEMERAL] =
      g_param_spec_boolean ("ephemeral", NULL,
                            "What the guest writes is forgotten when the machine goes; "
                            "the image itself is only read",
                            FALSE, flags);
  properties[PROP_FORMAT] = g_param_spec_string ("format", NULL, "The image's format", NULL,
                                                 G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);
  properties[PROP_DISCARD] = g_param_spec_boolean (
      "discard", NULL, "Space that the guest discards is given back to the host", TRUE, flags);
  properties[PROP_CHECKING] = g_param_spec_boolean (
      "checking", NULL, "Opened to be checked or repaired: a damaged image is not refused", FALSE,
      flags);
  g_object_class_install_properties (object_class, N_PROPS, properties);
}

static void
vmt_block_init (VmtBlock *self)
{
  VmtBlockPrivate *priv = vmt_block_get_instance_private (self);

  priv->discard = TRUE;
  g_mutex_init (&priv->lock);
  g_cond_init (&priv->changed);
}

/* The first bytes of @path; FALSE with an error when it cannot be read. */
static gboolean
read_head (const char *path, guint8 *head, gsize *size, gboolean *is_device, GError **error)
{
  struct stat st = { 0 };
  int fd = open (path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  gboolean usable = fd >= 0 && fstat (fd, &st) == 0 &&
                    (S_ISREG (st.st_mode) || S_ISBLK (st.st_mode) || S_ISDIR (st.st_mode));
  ssize_t n = -1;

  if (usable && S_ISDIR (st.st_mode))
    errno = EISDIR;
  else if (usable)
    n = pread (fd, head, VMT_BLOCK_HEAD, 0);
  if (n < 0)
    {
      int code = errno;

      if (fd >= 0 && !usable)
        g_set_error (error, VMT_ERROR, VMT_ERROR_INVALID,
                     "disk image %s is neither a regular file nor a block device", path);
      else
        g_set_error (
            error, VMT_ERROR, code == ENOENT ? VMT_ERROR_NOT_FOUND : VMT_ERROR_FAILED,
            "cannot open disk image %s: %s%s", path, g_strerror (code),
            code == ENOENT ? ": check the path, or make an image with \"vmtool disk create\"" : "");
    }
  else
    {
      *size = n;
      *is_device = S_ISBLK (st.st_mode);
    }
  if (fd >= 0)
    close (fd);
  return n >= 0;
}

static const char *
probe_format (const char *path, const guint8 *head, gsize size)
{
  VmtRegistry *registry = vmt_registry_get_default ();
  g_autoptr (GPtrArray) names = vmt_registry_list_features (registry, VMT_FEATURE_BLOCK);
  const char *best = "raw";
  int best_score = 0;

  for (guint i = 0; i < names->len; i++)
    {
      const char *name = g_ptr_array_index (names, i);
      GType type = vmt_registry_get_type_of (registry, VMT_FEATURE_BLOCK, name, NULL);
      VmtBlockClass *klass;
      int score;

      if (type == G_TYPE_INVALID || !g_type_is_a (type, VMT_TYPE_BLOCK))
        continue;
      klass = g_type_class_ref (type);
      score = klass->probe != NULL ? klass->probe (head, size, path) : 0;
      if (score > best_score)
        {
          best_score = score;
          best = klass->format != NULL ? klass->format : name;
        }
      g_type_class_unref (klass);
    }
  return g_intern_string (best);
}

/**
 * vmt_block_new_for_path:
 * @format: (nullable): a feature's name; NULL or "auto" probes
 *
 * Not opened yet: set other properties, then vmt_backend_open().
 */
VmtBlock *
vmt_block_new_for_path (const char *path, const char *format, gboolean readonly, GError **error)
{
  g_autoptr (VmtObject) object = NULL;
  gboolean probed_raw = FALSE;

  if (format == NULL || *format == '\0' || strcmp (format, "auto") == 0)
    {
      guint8 head[VMT_BLOCK_HEAD];
      gsize size;
      gboolean is_device;

      if (!read_head (path, head, &size, &is_device, error))
        return NULL;
      /* A disk of the host's can hold anything, and no mark: what it is must be said. */
      if (is_device || vmt_block_mark_is_raw (path))
        format = "raw";
      else
        {
          format = probe_format (path, head, size);
          probed_raw = strcmp (format, "raw") == 0;
        }
    }
  object = vmt_registry_create (vmt_registry_get_default (), VMT_FEATURE_BLOCK, format, error);
  if (object == NULL)
    return NULL;
  if (!VMT_IS_BLOCK (object))
    {
      g_set_error (error, VMT_ERROR, VMT_ERROR_ABI, "feature \"%s\" is not a disk format", format);
      return NULL;
    }
  if (g_object_is_floating (object))
    g_object_ref_sink (object);
  g_object_set (object, "path", path, "readonly", readonly, NULL);
  ((VmtBlockPrivate *)vmt_block_get_instance_private (VMT_BLOCK (object)))->probed_raw = probed_raw;
  g_object_force_floating (G_OBJECT (object));
  return VMT_BLOCK (g_steal_pointer (&object));
}

guint64
vmt_block_get_length (VmtBlock *self)
{
  return VMT_BLOCK_GET_CLASS (self)->get_length (self);
}

gboolean
vmt_block_is_readonly (VmtBlock *self)
{
  VmtBlockPrivate *priv = vmt_block_get_instance_private (self);

  return priv->readonly;
}

gboolean
vmt_block_opens_readonly (VmtBlock *self)
{
  VmtBlockPrivate *priv = vmt_block_get_instance_private (self);

  return priv->readonly || priv->ephemeral;
}

gboolean
vmt_block_is_checking (VmtBlock *self)
{
  VmtBlockPrivate *priv = vmt_block_get_instance_private (self);

  return priv->checking;
}

const char *
vmt_block_get_path (VmtBlock *self)
{
  VmtBlockPrivate *priv = vmt_block_get_instance_private (self);

  return priv->path;
}

/**
 * vmt_block_submit:
 *
 * Requests are served one after another, in this order. The image must be open.
 */
void
vmt_block_submit (VmtBlock *self, VmtBlockRequest *request)
{
  VmtBlockPrivate *priv = vmt_block_get_instance_private (self);

  g_return_if_fail (vmt_backend_is_open (VMT_BACKEND (self)));
  g_mutex_lock (&priv->lock);
  append (&priv->head, &priv->tail, request);
  if (priv->thread == NULL)
    priv->thread = g_thread_new ("vmt-block", worker, self);
  else
    g_cond_broadcast (&priv->changed);
  g_mutex_unlock (&priv->lock);
}

/**
 * vmt_block_drain:
 *
 * The done functions of all that was submitted have run when it returns.
 */
void
vmt_block_drain (VmtBlock *self)
{
  VmtBlockPrivate *priv = vmt_block_get_instance_private (self);
  gboolean more;

  do
    {
      g_mutex_lock (&priv->lock);
      while (priv->head != NULL || priv->busy)
        g_cond_wait (&priv->changed, &priv->lock);
      g_mutex_unlock (&priv->lock);
      deliver (self);
      g_mutex_lock (&priv->lock);
      more = priv->head != NULL || priv->busy || priv->done_head != NULL;
      g_mutex_unlock (&priv->lock);
    }
  while (more);
}

int
vmt_block_pread (VmtBlock *self, gpointer buffer, gsize size, guint64 offset)
{
  VmtIoVec iov = { buffer, size };

  return do_read (self, &iov, 1, offset, size);
}

int
vmt_block_preadv (VmtBlock *self, const VmtIoVec *iov, guint n_iov, guint64 offset, guint64 size)
{
  return do_read (self, iov, n_iov, offset, size);
}

int
vmt_block_pwrite (VmtBlock *self, gconstpointer buffer, gsize size, guint64 offset)
{
  VmtIoVec iov = { (gpointer)buffer, size };

  return do_write (self, &iov, 1, offset, size);
}

int
vmt_block_flush (VmtBlock *self)
{
  return do_flush (self);
}

int
vmt_block_write_zeroes (VmtBlock *self, guint64 offset, guint64 size, gboolean unmap)
{
  return do_zero (self, offset, size, unmap);
}

/**
 * vmt_block_write_compressed:
 *
 * Stored as it is where the format cannot compress, or where the data does not shrink.
 */
int
vmt_block_write_compressed (VmtBlock *self, gconstpointer buffer, gsize size, guint64 offset)
{
  VmtBlockPrivate *priv = vmt_block_get_instance_private (self);
  VmtBlockClass *klass = VMT_BLOCK_GET_CLASS (self);
  int rc;

  if (priv->overlay == NULL && klass->pwrite_compressed != NULL)
    {
      rc = check_write (self, offset, size);
      if (rc == 0)
        rc = klass->pwrite_compressed (self, buffer, size, offset);
      if (rc != EOPNOTSUPP)
        return rc;
    }
  return vmt_block_pwrite (self, buffer, size, offset);
}

/**
 * vmt_block_create:
 * @format: a feature of kind "block"
 * @options: (nullable): a{sv}; a floating reference is sunk
 */
gboolean
vmt_block_create (const char *format, const char *path, guint64 size, GVariant *options,
                  GError **error)
{
  g_autoptr (GVariant) held =
      options != NULL ? g_variant_ref_sink (options)
                      : g_variant_ref_sink (g_variant_new_array (G_VARIANT_TYPE ("{sv}"), NULL, 0));
  GType type =
      vmt_registry_get_type_of (vmt_registry_get_default (), VMT_FEATURE_BLOCK, format, error);
  VmtBlockClass *klass;
  gboolean ok;

  if (type == G_TYPE_INVALID)
    return FALSE;
  klass = g_type_class_ref (type);
  if (!g_type_is_a (type, VMT_TYPE_BLOCK) || klass->create == NULL)
    {
      g_set_error (error, VMT_ERROR, VMT_ERROR_UNSUPPORTED,
                   "images of format \"%s\" cannot be made", format);
      ok = FALSE;
    }
  else
    ok = klass->create (path, size, held, error);
  g_type_class_unref (klass);
  return ok;
}

gboolean
vmt_block_resize (VmtBlock *self, guint64 size, GError **error)
{
  VmtBlockClass *klass = VMT_BLOCK_GET_CLASS (self);

  if (vmt_block_opens_readonly (self) || klass->resize == NULL)
    {
      g_set_error (error, VMT_ERROR, VMT_ERROR_UNSUPPORTED, "%s cannot be resized: it is %s",
                   vmt_block_get_path (self),
                   klass->resize == NULL ? "of a format of fixed size" : "opened read-only");
      return FALSE;
    }
  return klass->resize (self, size, error);
}

GVariant *
vmt_block_get_info (VmtBlock *self)
{
  VmtBlockClass *klass = VMT_BLOCK_GET_CLASS (self);
  const char *path = vmt_block_get_path (self);
  g_auto (GVariantDict) dict = G_VARIANT_DICT_INIT (NULL);
  g_autoptr (GVariant) own = NULL;
  struct stat st;

  if (klass->get_info != NULL)
    {
      own = g_variant_ref_sink (klass->get_info (self));
      g_variant_dict_init (&dict, own);
    }
  g_variant_dict_insert (&dict, "format", "s", klass->format != NULL ? klass->format : "");
  g_variant_dict_insert (&dict, "path", "s", path != NULL ? path : "");
  g_variant_dict_insert (&dict, "virtual-size", "t", vmt_block_get_length (self));
  if (path != NULL && stat (path, &st) == 0)
    g_variant_dict_insert (&dict, "disk-size", "t", (guint64)st.st_blocks * 512);
  return g_variant_ref_sink (g_variant_dict_end (&dict));
}

gboolean
vmt_block_check (VmtBlock *self, gboolean repair, GPtrArray *findings, guint *n_errors,
                 guint *n_leaks, GError **error)
{
  VmtBlockClass *klass = VMT_BLOCK_GET_CLASS (self);

  *n_errors = *n_leaks = 0;
  if (klass->check == NULL)
    return TRUE;
  if (repair && vmt_block_opens_readonly (self))
    {
      g_set_error (error, VMT_ERROR, VMT_ERROR_STATE,
                   "%s cannot be repaired: it is opened read-only", vmt_block_get_path (self));
      return FALSE;
    }
  return klass->check (self, repair, findings, n_errors, n_leaks, error);
}

gboolean
vmt_block_is_zero (VmtBlock *self, guint64 offset, guint64 size, guint64 *run)
{
  VmtBlockPrivate *priv = vmt_block_get_instance_private (self);
  VmtBlockClass *klass = VMT_BLOCK_GET_CLASS (self);

  *run = size;
  if (priv->overlay != NULL || klass->is_zero == NULL)
    return FALSE;
  return klass->is_zero (self, offset, size, run);
}
