import CSystem
import Glibc

/// What this process uses of the machine, at one moment.
public struct ProcessUsage: Sendable {
  /// Of processors, in user mode and in the kernel, since it began.
  public let processorSeconds: Double
  /// Bytes that are in memory; 0 where they cannot be read.
  public let residentBytes: UInt64
  /// Bytes of the address space; 0 where they cannot be read.
  public let virtualBytes: UInt64
  /// Descriptors that are open; 0 where they cannot be read.
  public let openDescriptors: UInt64
  /// 0 where it cannot be read.
  public let descriptorsMax: UInt64

  /// Reads /proc; what cannot be read is 0.
  public static var current: ProcessUsage {
    var usage = rusage()
    // SAFETY: each call writes into the value that it is given alone.
    _ = unsafe getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
    var limit = rlimit()
    let hasLimit = unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0
    let pages = pageCounts()
    let pageBytes = UInt64(max(sysconf(Int32(_SC_PAGESIZE)), 0))
    return ProcessUsage(
      processorSeconds: seconds(usage.ru_utime) + seconds(usage.ru_stime), residentBytes: pages.resident &* pageBytes,
      virtualBytes: pages.virtual &* pageBytes, openDescriptors: descriptorCount(),
      descriptorsMax: hasLimit ? UInt64(limit.rlim_cur) : 0)
  }

  private static func seconds(_ time: timeval) -> Double { Double(time.tv_sec) + Double(time.tv_usec) / 1_000_000 }

  private static func pageCounts() -> (virtual: UInt64, resident: UInt64) {
    let descriptor = unsafe open("/proc/self/statm", O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return (0, 0) }
    defer { close(descriptor) }
    var bytes = [UInt8](repeating: 0, count: 256)
    // SAFETY: the call writes at most as many bytes as the array has.
    let count = unsafe bytes.withUnsafeMutableBytes { unsafe read(descriptor, $0.baseAddress, $0.count) }
    let words = String(decoding: bytes.prefix(max(count, 0)), as: UTF8.self).split(separator: " ")
    guard words.count > 1 else { return (0, 0) }
    return (UInt64(words[0]) ?? 0, UInt64(words[1]) ?? 0)
  }

  private static func descriptorCount() -> UInt64 {
    guard let folder = unsafe opendir("/proc/self/fd") else { return 0 }
    defer { unsafe closedir(folder) }
    var count: UInt64 = 0
    while unsafe readdir(folder) != nil { count += 1 }
    // `.`, `..` and the one that is open for this.
    return count - min(count, 3)
  }
}
