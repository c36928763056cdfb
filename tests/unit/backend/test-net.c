/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "vmt-net.h"

/* A link that counts. */
#define TEST_TYPE_NET (test_net_get_type ())
G_DECLARE_FINAL_TYPE (TestNet, test_net, TEST, NET, VmtNet)

struct _TestNet
{
  VmtNet parent_instance;
  guint sent, resumed;
};

G_DEFINE_FINAL_TYPE (TestNet, test_net, VMT_TYPE_NET)

static void
test_net_send (VmtNet *net, const guint8 *frame, gsize size)
{
  TEST_NET (net)->sent++;
}

static void
test_net_resume (VmtNet *net)
{
  TEST_NET (net)->resumed++;
}

static void
test_net_class_init (TestNetClass *klass)
{
  VMT_NET_CLASS (klass)->send = test_net_send;
  VMT_NET_CLASS (klass)->resume = test_net_resume;
}

static void
test_net_init (TestNet *self)
{
}

typedef struct
{
  VmtNet *net;
  gboolean room;
  guint received;
  gboolean frees_itself; /* gets room, and says so, while it answers that it has none */
} Device;

static gboolean
receive (gpointer data, const guint8 *frame, gsize size)
{
  Device *device = data;

  if (!device->room && device->frees_itself)
    {
      device->room = TRUE;
      vmt_net_resume (device->net);
      return FALSE;
    }
  device->received += device->room;
  return device->room;
}

static const VmtNetFrontend frontend = { receive };

static void
test_flow (void)
{
  g_autoptr (GMainContext) context = g_main_context_new ();
  g_autoptr (VmtNet) net = g_object_new (TEST_TYPE_NET, NULL);
  Device device = { .net = net };
  const guint8 frame[60] = { 0 };

  /* Closed, and then without a device: lost, not kept. */
  vmt_net_send (net, frame, sizeof frame);
  g_assert_cmpuint (TEST_NET (net)->sent, ==, 0);
  g_assert_true (vmt_backend_open (VMT_BACKEND (net), context, NULL));
  vmt_net_send (net, frame, sizeof frame);
  g_assert_cmpuint (TEST_NET (net)->sent, ==, 1);
  g_assert_true (vmt_net_receive (net, frame, sizeof frame));

  vmt_net_set_frontend (net, &frontend, &device);
  vmt_net_resume (net);
  g_assert_false (g_main_context_iteration (context, FALSE)); /* nothing waits for room */
  g_assert_false (vmt_net_receive (net, frame, sizeof frame));
  device.room = TRUE;
  vmt_net_resume (net);
  vmt_net_resume (net);
  while (g_main_context_iteration (context, FALSE))
    ;
  g_assert_cmpuint (TEST_NET (net)->resumed, ==, 1);
  g_assert_true (vmt_net_receive (net, frame, sizeof frame));
  g_assert_cmpuint (device.received, ==, 1);

  /* Room that comes in between is not missed. */
  device.room = FALSE;
  device.frees_itself = TRUE;
  g_assert_false (vmt_net_receive (net, frame, sizeof frame));
  while (g_main_context_iteration (context, FALSE))
    ;
  g_assert_cmpuint (TEST_NET (net)->resumed, ==, 2);

  g_assert_false (vmt_net_takes_large (net));
  vmt_net_set_large (net, TRUE);
  g_assert_true (vmt_net_takes_large (net));
  vmt_net_set_frontend (net, NULL, NULL);
  vmt_net_resume (net);
  vmt_backend_close (VMT_BACKEND (net));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/backend/net/flow", test_flow);
  return g_test_run ();
}
