/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One virtio device in a virtio-mmio slot, for the tests of the devices. */
#pragma once

#include "fake-backends.h"
#include "vmt-registry.h"
#include "virtio-driver.h"

#define RAM 0x80000000
#define RAM_SIZE 0x200000
#define SLOT 0x10001000
#define QUEUE(n) (RAM + 0x10000 + 0x4000 * (guint64)(n))
#define DATA (RAM + 0x40000)

typedef struct
{
  VmtHarness *harness;
  VmtDevice *slot, *device;
  VmtObject *backend;
  DriverQueue queues[2];
} VirtioBench;

VmtDevice *virtio_bench_create (const char *feature);
/* Takes @backend, which may be NULL; @property and @value (nullable) are set before realize. */
void virtio_bench_init (VirtioBench *bench, const char *feature, gpointer backend,
                        const char *property, const char *value);
void virtio_bench_clear (VirtioBench *bench);
void virtio_bench_start (VirtioBench *bench, guint64 features, guint n_queues, guint size);
void virtio_bench_notify (VirtioBench *bench, guint queue);
guint32 virtio_bench_get_status (VirtioBench *bench);
gboolean virtio_bench_irq (VirtioBench *bench);
/* Clears the interrupt; the status it had. */
guint32 virtio_bench_ack (VirtioBench *bench);
/* Random chains in every queue: nothing may happen to the host, and a reset mends the device. */
void virtio_bench_fuzz (VirtioBench *bench, guint n_queues, guint rounds);
/* State saved, reset, loaded: the same. */
void virtio_bench_check_state (VirtioBench *bench);
