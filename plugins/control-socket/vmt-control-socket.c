/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <gio/gunixsocketaddress.h>
#include <glib/gstdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vmt-control-client.h"

#define MAX_CLIENTS 16

/* The machine's JSON socket (see VmtControl for the requests): NAME.sock in the folder "vmtool" of
 * the user's runtime folder. */
#define VMT_TYPE_CONTROL_SOCKET (vmt_control_socket_get_type ())
G_DECLARE_FINAL_TYPE (VmtControlSocket, vmt_control_socket, VMT, CONTROL_SOCKET, VmtService)

struct _VmtControlSocket
{
  VmtService parent_instance;
  VmtMachine *machine;
  GSocket *socket;
  GSource *source;
  GPtrArray *clients;
  char *path;
};

G_DEFINE_FINAL_TYPE (VmtControlSocket, vmt_control_socket, VMT_TYPE_SERVICE)

enum
{
  PROP_0,
  PROP_PATH,
  N_PROPS
};

static GParamSpec *properties[N_PROPS];

static void
on_gone (VmtControlClient *client, gpointer data)
{
  /* frees it */
  g_ptr_array_remove (VMT_CONTROL_SOCKET (data)->clients, client);
}

static gboolean
on_connection (GSocket *socket, GIOCondition condition, gpointer data)
{
  VmtControlSocket *self = data;
  g_autoptr (GSocket) accepted = g_socket_accept (socket, NULL, NULL);
  g_autoptr (GSocketConnection) connection = NULL;

  if (accepted == NULL)
    return G_SOURCE_CONTINUE;
  g_socket_set_blocking (accepted, FALSE);
  connection = g_socket_connection_factory_create_connection (accepted);
  if (self->clients->len < MAX_CLIENTS)
    g_ptr_array_add (self->clients,
                     vmt_control_client_new (self->machine, connection, on_gone, self));
  return G_SOURCE_CONTINUE;
}

/* Nobody listens there any more: a machine that was killed left it. */
static gboolean
is_stale (const char *path)
{
  g_autoptr (GSocketAddress) address = g_unix_socket_address_new (path);
  g_autoptr (GSocket) probe =
      g_socket_new (G_SOCKET_FAMILY_UNIX, G_SOCKET_TYPE_STREAM, G_SOCKET_PROTOCOL_DEFAULT, NULL);
  g_autoptr (GError) error = NULL;

  return probe != NULL && !g_socket_connect (probe, address, NULL, &error) &&
         g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CONNECTION_REFUSED);
}

static GSocket *
bind_path (const char *path, GError **error)
{
  g_autoptr (GSocketAddress) address = g_unix_socket_address_new (path);
  g_autoptr (GSocket) socket =
      g_socket_new (G_SOCKET_FAMILY_UNIX, G_SOCKET_TYPE_STREAM, G_SOCKET_PROTOCOL_DEFAULT, error);

  if (socket == NULL)
    return NULL;
  if (g_file_test (path, G_FILE_TEST_EXISTS) && is_stale (path))
    g_unlink (path);
  /* the folder is its owner's only; the mode is for those who look at the socket alone */
  if (!g_socket_bind (socket, address, FALSE, error) || g_chmod (path, 0600) != 0 ||
      !g_socket_listen (socket, error))
    return NULL;
  return g_steal_pointer (&socket);
}

static gboolean
vmt_control_socket_start (VmtService *service, VmtMachine *machine, GError **error)
{
  VmtControlSocket *self = VMT_CONTROL_SOCKET (service);
  g_autofree char *folder = g_build_filename (g_get_user_runtime_dir (), "vmtool", NULL);
  const char *name = vmt_machine_get_name (machine);
  g_autofree char *path = g_strdup_printf ("%s/%s.sock", folder, name);

  if (g_mkdir_with_parents (folder, 0700) != 0)
    {
      g_set_error (error, G_FILE_ERROR, g_file_error_from_errno (errno),
                   "cannot make the folder %s: %s; set XDG_RUNTIME_DIR to a folder of yours",
                   folder, g_strerror (errno));
      return FALSE;
    }
  self->socket = bind_path (path, NULL);
  if (self->socket == NULL)
    {
      /* another machine of that name runs */
      g_free (path);
      path = g_strdup_printf ("%s/%s-%d.sock", folder, name, (int)getpid ());
      self->socket = bind_path (path, error);
    }
  if (self->socket == NULL)
    {
      g_prefix_error (error, "cannot listen at %s: ", path);
      return FALSE;
    }
  self->path = g_steal_pointer (&path);
  self->machine = machine;
  self->source = g_socket_create_source (self->socket, G_IO_IN, NULL);
  g_source_set_callback (self->source, G_SOURCE_FUNC (on_connection), self, NULL);
  g_source_attach (self->source, vmt_machine_get_context (machine));
  return TRUE;
}

static void
vmt_control_socket_stop (VmtService *service)
{
  VmtControlSocket *self = VMT_CONTROL_SOCKET (service);

  g_ptr_array_set_size (self->clients, 0);
  g_source_destroy (self->source);
  g_clear_pointer (&self->source, g_source_unref);
  g_unlink (self->path);
  g_clear_object (&self->socket);
  g_clear_pointer (&self->path, g_free);
}

static void
vmt_control_socket_get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  if (id == PROP_PATH)
    g_value_set_string (value, VMT_CONTROL_SOCKET (object)->path);
  else
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
}

static void
vmt_control_socket_finalize (GObject *object)
{
  g_ptr_array_unref (VMT_CONTROL_SOCKET (object)->clients);
  G_OBJECT_CLASS (vmt_control_socket_parent_class)->finalize (object);
}

static void
vmt_control_socket_class_init (VmtControlSocketClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->get_property = vmt_control_socket_get_property;
  object_class->finalize = vmt_control_socket_finalize;
  VMT_SERVICE_CLASS (klass)->start = vmt_control_socket_start;
  VMT_SERVICE_CLASS (klass)->stop = vmt_control_socket_stop;
  properties[PROP_PATH] =
      g_param_spec_string ("path", NULL, "Where the socket is, while the machine runs", NULL,
                           G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);
  g_object_class_install_properties (object_class, N_PROPS, properties);
}

static void
vmt_control_socket_init (VmtControlSocket *self)
{
  self->clients = g_ptr_array_new_with_free_func ((GDestroyNotify)vmt_control_client_free);
}

static const VmtFeature features[] = {
  { VMT_FEATURE_SERVICE, "control-socket", 100, vmt_control_socket_get_type, "linux" },
  { .name = NULL },
};

VMT_PLUGIN_DEFINE (control_socket, "control-socket", "The machine's JSON control socket", 0,
                   features, NULL);
