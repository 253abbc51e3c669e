"""Answers of system tools as they print them, by machine: commands, files, and what must come of them."""

from __future__ import annotations

from dataclasses import dataclass, field

HANGS, FAILS = "\0hangs", "\0failed"
GIB = 2**30


@dataclass(frozen=True)
class Machine:
    """One recorded machine.

    Attributes:
        says: first word of a command to its output.
        files: path to text.
        chip: catalog name of the chip that must be found (`this-machine`: a processor without one); empty: an error.
        count: chips that must be counted.
        notes: words that must stand in the notes (or in the error).
        memory: [B] of one chip, where the recording states it.
    """

    says: dict[str, str] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)
    chip: str = "this-machine"
    count: int = 1
    notes: tuple[str, ...] = ()
    memory: float | None = None


def proc(
    name: str, cores: int, mhz: float, flags: str, gib: float, sockets: int = 1, vendor: str = "GenuineIntel"
) -> dict[str, str]:
    """Return /proc files of an x86 machine with two threads a core."""
    blocks = []
    for socket in range(sockets):
        for core in range(cores // sockets):
            for _ in range(2):
                blocks.append(
                    f"processor\t: {len(blocks)}\nvendor_id\t: {vendor}\nmodel name\t: {name}\ncpu MHz\t\t: {mhz}\n"
                    f"physical id\t: {socket}\ncore id\t\t: {core}\ncpu cores\t: {cores // sockets}\nflags\t\t: {flags}\n"
                )
    memory = f"MemTotal:       {int(gib * 2**20)} kB\nMemFree:         1000000 kB\nMemAvailable:   30000000 kB\n"
    return {"/proc/cpuinfo": "\n".join(blocks) + "\n", "/proc/meminfo": memory}


def smi(*rows: str) -> dict[str, str]:
    """Return an nvidia-smi answer of CSV rows."""
    return {"nvidia-smi": "".join(r + "\n" for r in rows)}


DESKTOP = proc(
    "AMD Ryzen 9 7950X 16-Core Processor",
    16,
    4500.0,
    "sse2 avx avx2 fma avx512f avx512_bf16",
    62.7,
    vendor="AuthenticAMD",
)
LAPTOP = proc("13th Gen Intel(R) Core(TM) i7-13700H", 14, 2400.0, "sse2 avx avx2 fma", 31.0)
SERVER = proc(
    "AMD EPYC 9654 96-Core Processor", 192, 2400.0, "sse2 avx avx2 fma avx512f avx512_bf16", 1511.0, 2, "AuthenticAMD"
)
ARM = {
    "/proc/cpuinfo": "".join(
        f"processor\t: {i}\nBogoMIPS\t: 108.00\nFeatures\t: fp asimd evtstrm aes crc32 cpuid\nCPU implementer\t: 0x41\n"
        f"CPU architecture: 8\nCPU part\t: 0xd0b\n\n" for i in range(4)
    ) + "Revision\t: d04170\nModel\t\t: Raspberry Pi 5 Model B Rev 1.0\n",
    "/proc/meminfo": "MemTotal:        8255168 kB\n",
    "/proc/device-tree/model": "Raspberry Pi 5 Model B Rev 1.0\0",
    "/sys/devices/system/cpu/cpu0/cpufreq/cpuinfo_max_freq": "2400000\n",
}  # fmt: skip

ROCM_8 = "{" + ", ".join(
    f'"card{i}": {{"Max Graphics Package Power (W)": "750.0", "VRAM Total Memory (B)": "206141652992", '
    f'"VRAM Total Used Memory (B)": "297521152", "Card Series": "AMD Instinct MI300X OAM", "Card Model": "0x74a1", '
    f'"Card Vendor": "Advanced Micro Devices, Inc. [AMD/ATI]", "GFX Version": "gfx942"}}' for i in range(8)
) + "}"  # fmt: skip
ROCM_DESKTOP = (
    "WARNING: AMD GPU device(s) is/are in a low-power state. Check power control/runtime_status\n\n"
    '{"card0": {"VRAM Total Memory (B)": "25753026560", "Max Graphics Package Power (W)": "303.0", '
    '"Card Series": "AMD Radeon RX 7900 XTX", "Card Model": "0x744c", "GFX Version": "gfx1100"}, '
    '"card1": {"VRAM Total Memory (B)": "536870912", "Max Graphics Package Power (W)": "N/A", '
    '"Card Series": "AMD Radeon Graphics", "Card Model": "0x164e", "GFX Version": "gfx1036"}}'
)
ROCM_APU_ONLY = (
    '{"card0": {"VRAM Total Memory (B)": "2147483648", "Card Series": "AMD Radeon Graphics", "Card Model": "0x1900", '
    '"GFX Version": "gfx1103"}}'
)
ROCMINFO_HALO = """ROCk module is loaded
=====================
HSA Agents
==========
*******
Agent 1
*******
  Name:                    AMD RYZEN AI MAX+ 395 w/ Radeon 8060S
  Marketing Name:          AMD RYZEN AI MAX+ 395 w/ Radeon 8060S
  Device Type:             CPU
*******
Agent 2
*******
  Name:                    gfx1151
  Marketing Name:          AMD Radeon Graphics
  Vendor Name:             AMD
  Device Type:             GPU
  Pool Info:
    Pool 1
      Segment:                 GLOBAL; FLAGS: COARSE GRAINED
      Size:                    100663296(0x6000000) KB
*** Done ***
"""
NPU_HEAD = """+------------------------------------------------------------------------------------------------+
| npu-smi 24.1.rc2                 Version: 24.1.rc2                                             |
+---------------------------+---------------+----------------------------------------------------+
| NPU   Name                | Health        | Power(W)    Temp(C)           Hugepages-Usage(page)|
| Chip                      | Bus-Id        | AICore(%)   Memory-Usage(MB)  HBM-Usage(MB)        |
+===========================+===============+====================================================+
"""


def npu(name: str, count: int, chips: int = 1, hbm: int = 65536) -> dict[str, str]:
    """Return an npu-smi answer."""
    text = NPU_HEAD
    for i in range(count):
        for c in range(chips):
            text += f"| {i:<5} {name:<19} | OK            | 93.5        36                0    / 0             |\n"
            text += f"| {c:<25} | 0000:C{i}:0{c}.0  | 0           0    / 0          3355 / {hbm}         |\n"
        text += "+===========================+===============+====================================================+\n"
    return {"npu-smi": text + "| NPU     Chip              | Process id    | Process name             |\n"}


DMI = "\n\n".join(
    f"Handle 0x00{i}, DMI type 17, 92 bytes\nMemory Device\n\tSize: 64 GB\n\tLocator: DIMM {i}\n\tBank Locator: P0 CHANNEL {c}\n"
    f"\tSpeed: 4800 MT/s\n\tConfigured Memory Speed: 4800 MT/s" for i, c in enumerate("ABCDEFGHIJKL")
) + "\n\nMemory Device\n\tSize: No Module Installed\n\tBank Locator: P0 CHANNEL A\n"  # fmt: skip

MACHINES: dict[str, Machine] = {
    "rtx-4090": Machine(smi("NVIDIA GeForce RTX 4090, 24564, 450.00, [N/A]"), DESKTOP, "rtx-4090", 1, ("1 x NVIDIA GeForce RTX 4090", "nvidia-smi"), 24564 * 2.0**20),
    "two-3090-capped": Machine(smi("NVIDIA GeForce RTX 3090, 24576, 220.00, [N/A]", "NVIDIA GeForce RTX 3090, 24576, 220.00, [N/A]"), DESKTOP, "rtx-3090", 2, ("limit 220 W", "links between the 2 cards")),
    "mixed-4090-3060": Machine(smi("NVIDIA GeForce RTX 4090, 24564, 450.00, [N/A]", "NVIDIA GeForce RTX 3060, 12288, 170.00, [N/A]"), DESKTOP, "rtx-4090", 1, ("not used beside it: 1 x rtx-3060",)),
    "h100-8": Machine(smi(*["NVIDIA H100 80GB HBM3, 81559, 700.00, Disabled"] * 8), SERVER, "h100-sxm", 8, ("8 x NVIDIA H100 80GB HBM3", "taken as in h100-8"), 81559 * 2.0**20),
    "a100-pcie-2": Machine(smi(*["NVIDIA A100 80GB PCIe, 81920, 300.00, Disabled"] * 2), SERVER, "a100-pcie-80gb", 2, ()),
    "a100-40": Machine(smi("NVIDIA A100-SXM4-40GB, 40960, 400.00, Disabled"), SERVER, "a100-sxm-40gb", 1, ()),
    "mig": Machine(smi("NVIDIA A100-SXM4-80GB, 81920, 400.00, Enabled"), SERVER, "epyc-9654", 2, ("slices (MIG)",)),
    "mig-on-one-of-two": Machine(smi("NVIDIA A100-SXM4-80GB, 81920, 400.00, Enabled", "NVIDIA A100-SXM4-80GB, 81920, 400.00, Disabled"), SERVER, "a100-sxm-80gb", 1, ("slices (MIG)",)),
    "laptop-4090": Machine(smi("NVIDIA GeForce RTX 4090 Laptop GPU, 16376, [N/A], [N/A]"), LAPTOP, "rtx-4090-laptop", 1, ()),
    "4060-ti-8gb": Machine(smi("NVIDIA GeForce RTX 4060 Ti, 8188, 160.00, [N/A]"), DESKTOP, "this-machine", 1, ("another edition",)),
    "4060-ti-16gb": Machine(smi("NVIDIA GeForce RTX 4060 Ti, 16380, 165.00, [N/A]"), DESKTOP, "rtx-4060-ti-16gb", 1, ()),
    "old-card": Machine(smi("NVIDIA GeForce GTX 1060 6GB, 6144, 120.00, [N/A]"), LAPTOP, "this-machine", 1, ("no chip of that name", "systems/this-machine.toml")),
    "gb10-unified": Machine(smi("NVIDIA GB10, [N/A], [N/A], [N/A]"), {**ARM, "/proc/device-tree/model": "", "/proc/meminfo": "MemTotal:       125515380 kB\n"}, "gb10", 1, ("NVIDIA GB10",), 125515380 * 1024.0),
    "nvidia-no-driver": Machine({"nvidia-smi": FAILS}, LAPTOP, "this-machine", 1, ("nvidia-smi: there, but reports an error",)),
    "nvidia-hangs": Machine({"nvidia-smi": HANGS}, LAPTOP, "this-machine", 1, ("nvidia-smi: no answer in time",)),
    "nvidia-garbage": Machine({"nvidia-smi": "\x00\x01garbage;;;;\n<html>500</html>\n"}, LAPTOP, "this-machine", 1, ("not understood",)),
    "nvidia-mismatch": Machine({"nvidia-smi": "Failed to initialize NVML: Driver/library version mismatch\n"}, LAPTOP, "this-machine", 1, ("not understood",)),
    "none-desktop": Machine({}, DESKTOP, "this-machine", 1, ("no card seen",)),
    "epyc-server": Machine({"dmidecode": DMI}, SERVER, "epyc-9654", 2, ("the processor is epyc-9654",), float(int(1511.0 * 2**20)) * 1024 / 2),
    "xeon-cloud-vm": Machine({}, {**proc("Intel(R) Xeon(R) Processor", 2, 2600.0, "sse2 avx avx2 fma avx512f amx_bf16", 23.5), "/sys/fs/cgroup/memory.max": f"{8 * GIB}\n"}, "this-machine", 1, ("estimates",), 8.0 * GIB),
    "raspberry-pi": Machine({}, ARM, "raspberry-pi-5", 1, ("the processor is raspberry-pi-5",), 8255168 * 1024.0),
    "mi300x-8": Machine({"rocm-smi": ROCM_8}, SERVER, "mi300x", 8, ("8 x AMD Instinct MI300X OAM", "rocm-smi"), 206141652992.0),
    "rx-7900-xtx-and-igpu": Machine({"rocm-smi": ROCM_DESKTOP}, DESKTOP, "rx-7900-xtx", 1, ("own graphics, no second card",)),
    "amd-igpu-only": Machine({"rocm-smi": ROCM_APU_ONLY}, LAPTOP, "this-machine", 1, ("own graphics, no second card",)),
    "strix-halo": Machine({"rocminfo": ROCMINFO_HALO}, proc("AMD RYZEN AI MAX+ 395 w/ Radeon 8060S", 16, 3000.0, "sse2 avx avx2 fma avx512f avx512_bf16", 124.9, vendor="AuthenticAMD"), "strix-halo", 1, ("rocminfo",), float(int(124.9 * 2**20)) * 1024),
    "rocm-hangs": Machine({"rocm-smi": HANGS, "rocminfo": HANGS}, DESKTOP, "this-machine", 1, ("rocm-smi: no answer", "rocminfo: no answer")),
    "rocm-garbage": Machine({"rocm-smi": "{not json", "rocminfo": "ROCk module is NOT loaded, possibly no GPU devices\n"}, DESKTOP, "this-machine", 1, ("rocm-smi: answers in a way",)),
    "nvidia-and-amd": Machine({**smi("NVIDIA GeForce RTX 3060, 12288, 170.00, [N/A]"), "rocm-smi": ROCM_DESKTOP}, DESKTOP, "rx-7900-xtx", 1, ("not used beside it: 1 x rtx-3060",)),
    "ascend-910b3-8": Machine(npu("910B3", 8), proc("Kunpeng-920", 192, 2600.0, "asimd", 1500.0), "ascend-910b3", 8, ("8 x 910B3", "npu-smi"), 65536 * 2.0**20),
    "ascend-unnamed-package": Machine(npu("Ascend910", 8, 2), proc("Kunpeng-920", 320, 2600.0, "asimd", 2000.0), "kunpeng-920", 1, ("16 x Ascend910", "no chip of that name")),
    "npu-garbage": Machine({"npu-smi": "dcmi module initialize failed. ret is -8005\n"}, DESKTOP, "this-machine", 1, ("npu-smi: answers in a way",)),
    "mac-m4-max": Machine({"sysctl": f"Apple M4 Max\n{128 * GIB}\n16\n"}, {}, "m4-max", 1, ("1 x Apple M4 Max", "sysctl"), 128.0 * GIB),
    "mac-m3-ultra": Machine({"sysctl": f"Apple M3 Ultra\n{512 * GIB}\n32\n"}, {}, "m3-ultra", 1, (), 512.0 * GIB),
    "mac-m2-8gb": Machine({"sysctl": f"Apple M2\n{8 * GIB}\n8\n"}, {}, "m2", 1, (), 8.0 * GIB),
    "mac-intel": Machine({"sysctl": f"Intel(R) Core(TM) i9-9980HK CPU @ 2.40GHz\n{32 * GIB}\n8\n"}, {}, "", 1, ("cannot be read",)),
    "nothing-at-all": Machine({}, {}, "", 1, ("cannot be read", "this-machine.toml")),
    "garbage-proc": Machine({}, {"/proc/cpuinfo": "\x00\xff:::\n\n:", "/proc/meminfo": "MemTotal: lots\n"}, "", 1, ("cannot be read",)),
}  # fmt: skip
