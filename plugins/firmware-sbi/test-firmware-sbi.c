/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <elf.h>
#include <string.h>
#include <unistd.h>

#include <glib/gstdio.h>

#include "vmt.h"

#define RAM_BASE G_GUINT64_CONSTANT (0x80000000)
#define RAM_SIZE ((guint64)64 << 20)
#define KERNEL (RAM_BASE + (2 << 20))
#define DATA (KERNEL + 0x1000)

#define EXT_BASE 0x10
#define EXT_TIME 0x54494d45
#define EXT_IPI 0x735049
#define EXT_RFENCE 0x52464e43
#define EXT_HSM 0x48534d
#define EXT_SRST 0x53525354
#define EXT_DBCN 0x4442434e

#define SUCCESS 0
#define NOT_SUPPORTED ((guint64)-2)
#define INVALID_PARAM ((guint64)-3)
#define INVALID_ADDRESS ((guint64)-5)
#define ALREADY_AVAILABLE ((guint64)-6)

/* A two-hart guest, assembled by hand. */

typedef struct
{
  guint32 code[1024];
  guint n;
} Asm;

enum
{
  ZERO = 0,
  T0 = 5,
  S0 = 8,
  A0 = 10,
  A1,
  A2,
  A3,
  A4,
  A5,
  A6,
  A7
};

static void
emit (Asm *a, guint32 word)
{
  g_assert_cmpuint (a->n, <, G_N_ELEMENTS (a->code));
  a->code[a->n++] = word;
}
static void
addi (Asm *a, guint rd, guint rs, int value)
{
  emit (a, (guint32)value << 20 | rs << 15 | rd << 7 | 0x13);
}
static void
ld (Asm *a, guint rd, int offset)
{
  emit (a, (guint32)offset << 20 | S0 << 15 | 3 << 12 | rd << 7 | 0x03);
}
static void
sd (Asm *a, guint rs, int offset)
{
  emit (a, (guint32)(offset >> 5 & 0x7f) << 25 | rs << 20 | S0 << 15 | 3 << 12 |
               (guint32)(offset & 31) << 7 | 0x23);
}
/* Back to instruction @target while the two are (not) equal. */
static void
branch (Asm *a, gboolean equal, guint left, guint right, guint target)
{
  int offset = ((int)target - (int)a->n) * 4;

  emit (a, (guint32)(offset >> 12 & 1) << 31 | (guint32)(offset >> 5 & 0x3f) << 25 | right << 20 |
               left << 15 | (equal ? 0u : 1u) << 12 | (guint32)(offset >> 1 & 0xf) << 8 |
               (guint32)(offset >> 11 & 1) << 7 | 0x63);
}
static void
ecall (Asm *a)
{
  emit (a, 0x73);
}
/* s0 = DATA */
static void
set_base (Asm *a)
{
  guint at = a->n * 4;

  emit (a, 1 << 12 | S0 << 7 | 0x17); /* auipc s0, 1 */
  addi (a, S0, S0, -(int)at);
}

/* Offsets from DATA. */
enum
{
  EXT = 0,      /* numbers of extensions, in the order above from HSM on */
  HART1 = 0x40, /* its entry */
  FLAG = 0x48,
  RESULT = 0x80,
  OPAQUE = 0x50,
  MINUS_ONE = 0x58,
};

static Asm *
assemble (guint *hart1)
{
  Asm *a = g_new0 (Asm, 1);
  guint loop;

  set_base (a);
  /* hart_start (1, hart1, opaque), twice */
  ld (a, A7, EXT);
  addi (a, A6, ZERO, 0);
  addi (a, A0, ZERO, 1);
  ld (a, A1, HART1);
  ld (a, A2, OPAQUE);
  ecall (a);
  sd (a, A0, RESULT);
  loop = a->n;
  ld (a, T0, FLAG);
  branch (a, TRUE, T0, ZERO, loop);
  addi (a, A0, ZERO, 1);
  ld (a, A1, HART1);
  ecall (a);
  sd (a, A0, RESULT + 8);
  /* remote_sfence_vma (2, 0, 0, -1), remote_fence_i (0, -1), remote_sfence_vma_asid (3, 0, 0x1000,
   * 0x2000, 1) */
  ld (a, A7, EXT + 8);
  addi (a, A6, ZERO, 1);
  addi (a, A0, ZERO, 2);
  addi (a, A1, ZERO, 0);
  addi (a, A2, ZERO, 0);
  ld (a, A3, MINUS_ONE);
  ecall (a);
  sd (a, A0, RESULT + 16);
  addi (a, A6, ZERO, 0);
  addi (a, A0, ZERO, 0);
  ld (a, A1, MINUS_ONE);
  ecall (a);
  sd (a, A0, RESULT + 24);
  addi (a, A6, ZERO, 2);
  addi (a, A0, ZERO, 3);
  addi (a, A1, ZERO, 0);
  addi (a, A2, ZERO, 2047);
  addi (a, A3, ZERO, 2047);
  addi (a, A4, ZERO, 1);
  ecall (a);
  sd (a, A0, RESULT + 32);
  /* send_ipi (2, 0) */
  ld (a, A7, EXT + 16);
  addi (a, A6, ZERO, 0);
  addi (a, A0, ZERO, 2);
  addi (a, A1, ZERO, 0);
  ecall (a);
  sd (a, A0, RESULT + 40);
  loop = a->n;
  ld (a, T0, FLAG);
  addi (a, T0, T0, -2);
  branch (a, FALSE, T0, ZERO, loop);
  /* until hart_get_status (1) says stopped */
  loop = a->n;
  ld (a, A7, EXT);
  addi (a, A6, ZERO, 2);
  addi (a, A0, ZERO, 1);
  ecall (a);
  addi (a, T0, A1, -1);
  branch (a, FALSE, T0, ZERO, loop);
  sd (a, A1, RESULT + 48);
  /* hart_suspend (retentive) with the software interrupt pending returns at once */
  emit (a, 0x14416073); /* csrsi sip, 2 */
  emit (a, 0x10416073); /* csrsi sie, 2 */
  ld (a, A7, EXT);
  addi (a, A6, ZERO, 3);
  addi (a, A0, ZERO, 0);
  ecall (a);
  sd (a, A0, RESULT + 56);
  /* system_reset (shutdown, none); what comes after it must not run */
  ld (a, A7, EXT + 24);
  addi (a, A6, ZERO, 0);
  addi (a, A0, ZERO, 0);
  addi (a, A1, ZERO, 0);
  ecall (a);
  sd (a, A0, RESULT + 64);
  loop = a->n;
  branch (a, TRUE, ZERO, ZERO, loop);

  *hart1 = a->n;
  set_base (a);
  sd (a, A0, RESULT + 72);
  sd (a, A1, RESULT + 80);
  emit (a, 0x180022f3); /* csrr t0, satp */
  sd (a, T0, RESULT + 88);
  emit (a, 0x10416073); /* csrsi sie, 2 */
  addi (a, T0, ZERO, 1);
  sd (a, T0, FLAG);
  loop = a->n;
  emit (a, 0x10500073);                                    /* wfi */
  emit (a, 0x144022f3);                                    /* csrr t0, sip */
  emit (a, 2 << 20 | T0 << 15 | 7 << 12 | T0 << 7 | 0x13); /* andi t0, t0, 2 */
  branch (a, TRUE, T0, ZERO, loop);
  addi (a, T0, ZERO, 2);
  sd (a, T0, FLAG);
  ld (a, A7, EXT);
  addi (a, A6, ZERO, 1);
  ecall (a);
  sd (a, A7, RESULT + 96); /* hart_stop does not return */
  loop = a->n;
  branch (a, TRUE, ZERO, ZERO, loop);
  return a;
}

typedef struct
{
  VmtMachine *machine;
  VmtFirmware *firmware;
  char *folder, *path;
} Fixture;

static GBytes *
make_tree (VmtMachine *machine, guint64 initrd_start, guint64 initrd_end, gpointer data,
           GError **error)
{
  return g_bytes_new_static ("tree", 4);
}

static void
write_kernel (const char *path, guint64 at)
{
  struct
  {
    Elf64_Ehdr header;
    Elf64_Phdr segment;
    guint8 image[0x1100];
  } elf = { 0 };
  static const guint64 extensions[] = { EXT_HSM, EXT_RFENCE, EXT_IPI, EXT_SRST };
  const guint64 all = G_MAXUINT64, opaque = G_GUINT64_CONSTANT (0x123456789abcdef0);
  guint hart1;
  g_autofree Asm *a = assemble (&hart1);
  guint64 entry = at + 4 * hart1;

  memcpy (elf.header.e_ident, ELFMAG, SELFMAG);
  elf.header.e_ident[EI_CLASS] = ELFCLASS64;
  elf.header.e_ident[EI_DATA] = ELFDATA2LSB;
  elf.header.e_type = ET_EXEC;
  elf.header.e_machine = EM_RISCV;
  elf.header.e_entry = at;
  elf.header.e_phoff = sizeof elf.header;
  elf.header.e_phentsize = sizeof elf.segment;
  elf.header.e_phnum = 1;
  elf.segment = (Elf64_Phdr){ .p_type = PT_LOAD,
                              .p_offset = G_STRUCT_OFFSET (__typeof__ (elf), image),
                              .p_vaddr = at,
                              .p_paddr = at,
                              .p_filesz = sizeof elf.image,
                              .p_memsz = sizeof elf.image };
  memcpy (elf.image, a->code, a->n * 4);
  memcpy (elf.image + 0x1000 + EXT, extensions, sizeof extensions);
  memcpy (elf.image + 0x1000 + HART1, &entry, 8);
  memcpy (elf.image + 0x1000 + OPAQUE, &opaque, 8);
  memcpy (elf.image + 0x1000 + MINUS_ONE, &all, 8);
  memset (elf.image + 0x1000 + RESULT, 0x77, 0x80);
  g_assert_true (g_file_set_contents (path, (const char *)&elf, sizeof elf, NULL));
}

static void
set_up (Fixture *f, gconstpointer data)
{
  VmtRegistry *registry = vmt_registry_get_default ();
  g_autoptr (GError) error = NULL;
  g_autoptr (VmtObject) firmware = NULL;

  f->folder = g_dir_make_tmp ("vmtool-sbi-XXXXXX", NULL);
  f->path = g_build_filename (f->folder, "kernel", NULL);
  write_kernel (f->path, data != NULL ? RAM_BASE : KERNEL);
  f->machine = vmt_machine_new ("test");
  vmt_machine_add_ram (f->machine, "ram", RAM_BASE, RAM_SIZE, VMT_RAM_ANON, NULL, &error);
  g_assert_no_error (error);
  for (guint i = 0; i < 2; i++)
    {
      g_autoptr (VmtObject) cpu =
          vmt_registry_create (registry, VMT_FEATURE_ARCH, "riscv64", &error);

      g_assert_no_error (error);
      vmt_machine_add_cpu (f->machine, VMT_CPU (cpu), &error);
      g_assert_no_error (error);
    }
  firmware = vmt_registry_create (registry, VMT_FEATURE_FIRMWARE, "sbi", &error);
  g_assert_no_error (error);
  f->firmware = VMT_FIRMWARE (firmware);
  g_object_set (firmware, "kernel", f->path, NULL);
  vmt_firmware_set_device_tree (f->firmware, make_tree, NULL);
  vmt_machine_set_firmware (f->machine, f->firmware, &error);
  g_assert_no_error (error);
  vmt_machine_realize (f->machine, &error);
  g_assert_no_error (error);
}

static void
tear_down (Fixture *f, gconstpointer data)
{
  vmt_machine_close (f->machine);
  g_object_unref (f->machine);
  g_unlink (f->path);
  g_rmdir (f->folder);
  g_free (f->path);
  g_free (f->folder);
}

static guint64
get_word (Fixture *f, guint offset)
{
  guint64 word = 0;

  g_assert_true (
      vmt_dma_read (vmt_machine_get_address_space (f->machine), DATA + offset, &word, sizeof word));
  return word;
}

/* Two harts start, fence, interrupt and stop each other, and one switches the machine off. */
static void
test_two_harts (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  VmtStopReason reason;
  int status = 99;

  g_assert_true (vmt_machine_run (f->machine, &reason, &status, &error));
  g_assert_no_error (error);
  g_assert_cmpint (reason, ==, VMT_STOP_POWER_OFF);
  g_assert_cmpint (status, ==, 0);
  g_assert_cmphex (get_word (f, RESULT), ==, SUCCESS);
  g_assert_cmphex (get_word (f, RESULT + 8), ==, ALREADY_AVAILABLE);
  for (guint i = 16; i <= 40; i += 8)
    g_assert_cmphex (get_word (f, RESULT + i), ==, SUCCESS);
  g_assert_cmphex (get_word (f, RESULT + 48), ==, 1);
  g_assert_cmphex (get_word (f, RESULT + 56), ==, SUCCESS);
  g_assert_cmphex (get_word (f, RESULT + 64), ==, G_GUINT64_CONSTANT (0x7777777777777777));
  g_assert_cmphex (get_word (f, RESULT + 72), ==, 1);
  g_assert_cmphex (get_word (f, RESULT + 80), ==, G_GUINT64_CONSTANT (0x123456789abcdef0));
  g_assert_cmphex (get_word (f, RESULT + 88), ==, 0);
  g_assert_cmphex (get_word (f, RESULT + 96), ==, G_GUINT64_CONSTANT (0x7777777777777777));
}

/* A call as hart 0 would make it, while nothing runs. */
static guint64
call_hart (Fixture *f, guint index, guint64 extension, guint64 function, guint64 a0, guint64 a1,
           guint64 a2, guint64 *value)
{
  VmtCpu *cpu = vmt_machine_get_cpu (f->machine, index);
  const struct
  {
    const char *name;
    guint64 value;
  } in[] = {
    { "x10", a0 }, { "x11", a1 },       { "x12", a2 },        { "x13", 0 },
    { "x14", 0 },  { "x16", function }, { "x17", extension },
  };
  guint64 error = 77, result = 77;

  for (gsize i = 0; i < G_N_ELEMENTS (in); i++)
    g_assert_true (vmt_cpu_set_register (cpu, in[i].name, in[i].value));
  g_assert_true (vmt_firmware_call (f->firmware, cpu));
  g_assert_true (vmt_cpu_get_register (cpu, "x10", &error));
  g_assert_true (vmt_cpu_get_register (cpu, "x11", &result));
  if (value != NULL)
    *value = result;
  return error;
}

static guint64
call (Fixture *f, guint64 extension, guint64 function, guint64 a0, guint64 a1, guint64 a2)
{
  return call_hart (f, 0, extension, function, a0, a1, a2, NULL);
}

static void
test_errors (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  guint64 value;

  g_assert_true (vmt_firmware_prepare (f->firmware, f->machine, &error));
  g_assert_no_error (error);

  g_assert_cmphex (call_hart (f, 0, EXT_BASE, 0, 0, 0, 0, &value), ==, SUCCESS);
  g_assert_cmphex (value, ==, 0x02000000);
  for (guint function = 1; function <= 6; function++)
    g_assert_cmphex (call (f, EXT_BASE, function, 0, 0, 0), ==, SUCCESS);
  g_assert_cmphex (call (f, EXT_BASE, 7, 0, 0, 0), ==, NOT_SUPPORTED);
  g_assert_cmphex (call_hart (f, 0, EXT_BASE, 3, EXT_HSM, 0, 0, &value), ==, SUCCESS);
  g_assert_cmphex (value, ==, 1);
  g_assert_cmphex (call_hart (f, 0, EXT_BASE, 3, 0x504d55, 0, 0, &value), ==, SUCCESS);
  g_assert_cmphex (value, ==, 0);
  /* There is no console: it says so, and refuses. */
  g_assert_cmphex (call_hart (f, 0, EXT_BASE, 3, EXT_DBCN, 0, 0, &value), ==, SUCCESS);
  g_assert_cmphex (value, ==, 0);
  g_assert_cmphex (call (f, EXT_DBCN, 2, 'x', 0, 0), ==, NOT_SUPPORTED);

  /* Extensions that do not exist, and the ones of before SBI 0.2. */
  for (guint64 extension = 0; extension < 9; extension++)
    g_assert_cmphex (call_hart (f, 1, extension, 0, 0, 0, 0, &value), ==, NOT_SUPPORTED);
  g_assert_cmphex (call (f, G_MAXUINT64, 0, 0, 0, 0), ==, NOT_SUPPORTED);
  g_assert_cmphex (call (f, EXT_TIME, 1, 0, 0, 0), ==, NOT_SUPPORTED);
  g_assert_cmphex (call (f, EXT_TIME, 0, G_MAXUINT64, 0, 0), ==, SUCCESS);
  g_assert_cmphex (call (f, EXT_TIME, 0, G_MAXUINT64 / 2, 0, 0), ==, SUCCESS);

  /* Hart masks. */
  g_assert_cmphex (call (f, EXT_IPI, 1, 1, 0, 0), ==, NOT_SUPPORTED);
  g_assert_cmphex (call (f, EXT_IPI, 0, 4, 0, 0), ==, INVALID_PARAM);
  g_assert_cmphex (call (f, EXT_IPI, 0, 1, 2, 0), ==, INVALID_PARAM);
  g_assert_cmphex (call (f, EXT_IPI, 0, 2, G_MAXUINT64 - 1, 0), ==, INVALID_PARAM);
  g_assert_cmphex (call (f, EXT_IPI, 0, G_MAXUINT64, 0, 0), ==, INVALID_PARAM);
  g_assert_cmphex (call (f, EXT_IPI, 0, 0, 0, 0), ==, SUCCESS);
  g_assert_cmphex (call (f, EXT_IPI, 0, 0, G_MAXUINT64, 0), ==, SUCCESS);
  g_assert_cmphex (call (f, EXT_RFENCE, 1, 8, 0, 0), ==, INVALID_PARAM);
  g_assert_cmphex (call (f, EXT_RFENCE, 1, 3, 0, 0), ==, SUCCESS);
  for (guint function = 3; function < 9; function++)
    g_assert_cmphex (call (f, EXT_RFENCE, function, 1, 0, 0), ==, NOT_SUPPORTED);

  /* Harts. */
  g_assert_cmphex (call (f, EXT_HSM, 0, 2, KERNEL, 0), ==, INVALID_PARAM);
  g_assert_cmphex (call (f, EXT_HSM, 0, G_MAXUINT64, KERNEL, 0), ==, INVALID_PARAM);
  g_assert_cmphex (call (f, EXT_HSM, 0, 1, 0x1000, 0), ==, INVALID_ADDRESS);
  g_assert_cmphex (call (f, EXT_HSM, 0, 1, KERNEL + 1, 0), ==, INVALID_ADDRESS);
  g_assert_cmphex (call (f, EXT_HSM, 0, 1, G_MAXUINT64, 0), ==, INVALID_ADDRESS);
  g_assert_cmphex (call (f, EXT_HSM, 2, 7, 0, 0), ==, INVALID_PARAM);
  g_assert_cmphex (call_hart (f, 0, EXT_HSM, 2, 1, 0, 0, &value), ==, SUCCESS);
  g_assert_cmphex (value, ==, 1);
  g_assert_cmphex (call (f, EXT_HSM, 3, 1, 0, 0), ==, INVALID_PARAM);
  g_assert_cmphex (call (f, EXT_HSM, 3, 0x10000000, 0, 0), ==, NOT_SUPPORTED);
  g_assert_cmphex (call (f, EXT_HSM, 3, 0x80000001, 0, 0), ==, INVALID_PARAM);
  g_assert_cmphex (call (f, EXT_HSM, 3, 0x80000000, 0x1000, 0), ==, INVALID_ADDRESS);
  g_assert_cmphex (call (f, EXT_HSM, 4, 0, 0, 0), ==, NOT_SUPPORTED);
  g_assert_cmphex (call (f, EXT_HSM, 0, 1, KERNEL, 5), ==, SUCCESS);
  g_assert_cmphex (call (f, EXT_HSM, 0, 1, KERNEL, 5), ==, ALREADY_AVAILABLE);
  g_assert_cmphex (call_hart (f, 0, EXT_HSM, 2, 1, 0, 0, &value), ==, SUCCESS);
  g_assert_cmphex (value, ==, 2);

  /* Reset. */
  g_assert_cmphex (call (f, EXT_SRST, 1, 0, 0, 0), ==, NOT_SUPPORTED);
  g_assert_cmphex (call (f, EXT_SRST, 0, 3, 0, 0), ==, INVALID_PARAM);
  g_assert_cmphex (call (f, EXT_SRST, 0, 0, 2, 0), ==, INVALID_PARAM);
  g_assert_cmphex (call (f, EXT_SRST, 0, 0xf0000000, 0, 0), ==, NOT_SUPPORTED);
  g_assert_cmphex (call (f, EXT_SRST, 0, 0, 0xe0000000, 0), ==, NOT_SUPPORTED);
}

/* Suspending without retention: on waking the hart is where it was told to be. */
static void
test_suspend (Fixture *f, gconstpointer data)
{
  VmtCpu *cpu = vmt_machine_get_cpu (f->machine, 0);
  guint64 value;

  g_assert_true (vmt_firmware_prepare (f->firmware, f->machine, NULL));
  vmt_cpu_set_register (cpu, "satp", G_GUINT64_CONSTANT (0x8000000000080000));
  vmt_cpu_set_register (cpu, "mstatus", 2);
  call (f, EXT_HSM, 3, 0x80000000, KERNEL + 8, 0xabc);
  g_assert_true (vmt_cpu_get_register (cpu, "pc", &value));
  g_assert_cmphex (value, ==, KERNEL + 8);
  g_assert_true (vmt_cpu_get_register (cpu, "x10", &value));
  g_assert_cmphex (value, ==, 0);
  g_assert_true (vmt_cpu_get_register (cpu, "x11", &value));
  g_assert_cmphex (value, ==, 0xabc);
  g_assert_true (vmt_cpu_get_register (cpu, "satp", &value));
  g_assert_cmphex (value, ==, 0);
  g_assert_true (vmt_cpu_get_register (cpu, "mstatus", &value));
  g_assert_cmphex (value & 2, ==, 0);
  g_assert_true (vmt_cpu_is_waiting (cpu));
}

/* A stream that keeps what it is written. */
static void
test_console (Fixture *f, gconstpointer data)
{
  VmtAddressSpace *space = vmt_machine_get_address_space (f->machine);
  g_autofree char *log = g_build_filename (f->folder, "log", NULL), *content = NULL;
  g_autoptr (GError) error = NULL;
  g_autoptr (VmtObject) stream =
      vmt_registry_create (vmt_registry_get_default (), VMT_FEATURE_CHAR, "file", &error);
  guint64 value;

  g_assert_no_error (error);
  g_object_set (stream, "path", log, NULL);
  g_assert_true (
      vmt_backend_open (VMT_BACKEND (stream), vmt_machine_get_context (f->machine), &error));
  g_object_set (f->firmware, "console", stream, NULL);
  g_assert_true (vmt_firmware_prepare (f->firmware, f->machine, NULL));
  g_assert_cmphex (call_hart (f, 0, EXT_BASE, 3, EXT_DBCN, 0, 0, &value), ==, SUCCESS);
  g_assert_cmphex (value, ==, 1);
  g_assert_true (vmt_dma_write (space, KERNEL, "hello", 5));
  g_assert_cmphex (call_hart (f, 0, EXT_DBCN, 0, 5, KERNEL, 0, &value), ==, SUCCESS);
  g_assert_cmphex (value, ==, 5);
  g_assert_cmphex (call (f, EXT_DBCN, 2, '!', 0, 0), ==, SUCCESS);
  g_assert_cmphex (call_hart (f, 0, EXT_DBCN, 0, 0, 0, 0, &value), ==, SUCCESS);
  g_assert_cmphex (value, ==, 0);
  g_assert_cmphex (call_hart (f, 0, EXT_DBCN, 1, 100, KERNEL, 0, &value), ==, SUCCESS);
  g_assert_cmphex (value, ==, 0);
  g_assert_cmphex (call (f, EXT_DBCN, 0, 5, 0x1000, 0), ==, INVALID_PARAM);
  g_assert_cmphex (call (f, EXT_DBCN, 0, 5, KERNEL, 1), ==, INVALID_PARAM);
  g_assert_cmphex (call (f, EXT_DBCN, 0, 5, RAM_BASE + RAM_SIZE - 4, 0), ==, INVALID_PARAM);
  g_assert_cmphex (call (f, EXT_DBCN, 0, 50, G_MAXUINT64 - 4, 0), ==, INVALID_PARAM);
  g_assert_cmphex (call (f, EXT_DBCN, 1, 5, 0x1000, 0), ==, INVALID_PARAM);
  g_assert_cmphex (call (f, EXT_DBCN, 3, 0, 0, 0), ==, NOT_SUPPORTED);
  /* However much: only a bounded piece of it. */
  g_assert_cmphex (call_hart (f, 0, EXT_DBCN, 0, RAM_SIZE / 2, KERNEL, 0, &value), ==, SUCCESS);
  g_assert_cmpuint (value, >, 0);
  g_assert_cmpuint (value, <=, 65536);
  vmt_backend_close (VMT_BACKEND (stream));
  g_assert_true (g_file_get_contents (log, &content, NULL, NULL));
  g_assert_true (g_str_has_prefix (content, "hello!"));
  g_unlink (log);
}

/* A program at the start of memory is its own firmware: all harts, M-mode, no calls. */
static void
test_bare (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  VmtCpu *cpu = vmt_machine_get_cpu (f->machine, 0);

  g_assert_true (vmt_firmware_prepare (f->firmware, f->machine, &error));
  g_assert_true (vmt_firmware_boot (f->firmware, f->machine, &error));
  g_assert_no_error (error);
  for (guint i = 0; i < 2; i++)
    g_assert_cmpint (vmt_cpu_get_power (vmt_machine_get_cpu (f->machine, i)), ==,
                     VMT_CPU_START_PENDING);
  g_assert_false (vmt_firmware_call (f->firmware, cpu));
}

/* Where things go, and what is said when they do not fit. */
static void
test_files (Fixture *f, gconstpointer data)
{
  g_autofree char *initrd = g_build_filename (f->folder, "initrd", NULL);
  VmtAddressSpace *space = vmt_machine_get_address_space (f->machine);
  g_autofree char *content = g_strnfill (5 << 20, 'i');
  g_autoptr (GError) error = NULL;
  VmtBootFiles files;
  char back[8];

  g_object_set (f->firmware, "initrd", initrd, NULL);
  g_assert_false (vmt_boot_load (f->firmware, f->machine, KERNEL, 0, &files, &error));
  g_assert_error (error, VMT_ERROR, VMT_ERROR_NOT_FOUND);
  g_clear_error (&error);
  g_assert_true (g_file_set_contents (initrd, "", 0, NULL));
  g_assert_false (vmt_boot_load (f->firmware, f->machine, KERNEL, 0, &files, &error));
  g_assert_nonnull (strstr (error->message, "empty"));
  g_clear_error (&error);
  g_assert_true (g_file_set_contents (initrd, content, 5 << 20, NULL));
  g_assert_true (vmt_boot_load (f->firmware, f->machine, KERNEL, 0, &files, &error));
  g_assert_no_error (error);
  g_assert_cmphex (files.kernel.entry, ==, KERNEL);
  g_assert_cmphex (files.initrd_start & 4095, ==, 0);
  g_assert_cmphex (files.initrd_start, >=, files.kernel.high);
  g_assert_cmphex (files.initrd_end, ==, files.initrd_start + (5 << 20));
  g_assert_cmphex (files.initrd_end, <=, files.device_tree);
  g_assert_cmphex (files.device_tree, <, RAM_BASE + RAM_SIZE);
  g_assert_true (vmt_dma_read (space, files.device_tree, back, 4));
  g_assert_cmpmem (back, 4, "tree", 4);
  g_assert_true (vmt_dma_read (space, files.initrd_end - 8, back, 8));
  g_assert_cmpmem (back, 8, "iiiiiiii", 8);
  g_assert_cmpint (truncate (initrd, RAM_SIZE), ==, 0);
  g_assert_false (vmt_boot_load (f->firmware, f->machine, KERNEL, 0, &files, &error));
  g_assert_nonnull (strstr (error->message, "more memory"));
  g_clear_error (&error);
  g_object_set (f->firmware, "initrd", f->folder, NULL);
  g_assert_false (vmt_boot_load (f->firmware, f->machine, KERNEL, 0, &files, &error));
  g_assert_nonnull (strstr (error->message, "folder"));
  g_clear_error (&error);
  g_object_set (f->firmware, "kernel", NULL, NULL);
  g_assert_false (vmt_firmware_prepare (f->firmware, f->machine, &error));
  g_assert_nonnull (strstr (error->message, "--kernel"));
  g_unlink (initrd);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add ("/firmware/sbi/two-harts", Fixture, NULL, set_up, test_two_harts, tear_down);
  g_test_add ("/firmware/sbi/errors", Fixture, NULL, set_up, test_errors, tear_down);
  g_test_add ("/firmware/sbi/suspend", Fixture, NULL, set_up, test_suspend, tear_down);
  g_test_add ("/firmware/sbi/console", Fixture, NULL, set_up, test_console, tear_down);
  g_test_add ("/firmware/sbi/bare", Fixture, "bare", set_up, test_bare, tear_down);
  g_test_add ("/firmware/sbi/files", Fixture, NULL, set_up, test_files, tear_down);
  return g_test_run ();
}
