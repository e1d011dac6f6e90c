import ArgumentParser
import Configuration
import Glibc
import Sockets

/// A users file, for commands that look at it and change it.
struct UsersFileOption: ParsableArguments {
  @Option(name: .long, help: ArgumentHelp("The users file.", valueName: "file"), completion: .file())
  var usersFile: String

  private static let bytesMax = 4 << 20

  /// What the file says.
  ///
  /// - Throws: An exit status, after everything that is wrong was said.
  func load() throws -> UsersFile {
    let bytes: [UInt8]?
    do throws(SystemError) {
      bytes = try read()
    } catch {
      throw said(["\(error)"], ExitStatus.noInput)
    }
    guard let bytes else { throw saidNotThere() }
    switch UsersFile.parse(bytes, file: usersFile) {
    case .success(let file): return file
    case .failure(let diagnostics): throw said(diagnostics.list.map(\.description), ExitStatus.configuration)
    }
  }

  /// Changes the file: no other command changes it meanwhile, and whoever reads it finds the old text or the new one.
  ///
  /// - Parameter makesFile: Whether one that is not there is made.
  /// - Throws: An exit status, after everything that is wrong was said; then nothing has changed.
  func change(makesFile: Bool = false, _ body: (inout UsersFileText) throws(UsersEditFault) -> Void) throws {
    let failure: ExitCode?
    do throws(SystemError) {
      failure = try FileAccess.withLock(onFolder: FileAccess.folder(of: usersFile)) { () throws(SystemError) in
        let found = try read()
        guard makesFile || found != nil else { return saidNotThere() }
        let before = found ?? []
        guard var text = opened(before) else { return ExitStatus.configuration }
        do throws(UsersEditFault) {
          try body(&text)
        } catch {
          return said(["\(error)"], ExitStatus.refused)
        }
        if text.bytes != before { try FileAccess.replaceContent(of: usersFile, text.bytes) }
        return nil
      }
    } catch {
      throw said(["\(error)"], ExitStatus.cannotCreate)
    }
    if let failure { throw failure }
  }

  /// The status, after it was said.
  private func saidNotThere() -> ExitCode { said(["\(usersFile): there is no such file"], ExitStatus.noInput) }

  /// nil after what is wrong was said.
  private func opened(_ bytes: [UInt8]) -> UsersFileText? {
    do throws(Diagnostics) {
      return try UsersFileText(bytes, path: usersFile)
    } catch {
      _ = said(error.list.map(\.description), ExitStatus.configuration)
      return nil
    }
  }

  /// nil where there is none.
  private func read() throws(SystemError) -> [UInt8]? {
    do throws(SystemError) {
      // Whoever may write the folder puts a link where the file was: no configuration says here who that is.
      if geteuid() == 0 {
        // Nor a link where the folder was: of that, too, root follows none but its own.
        FileOwner.ofGateway = FileOwner(user: 0, group: 0)
        if let folder = try FileAccess.folderMode(FileAccess.folder(of: usersFile)) {
          FileOwner.ofGateway = folder.owner
        }
      }
      let (bytes, status) = try FileAccess.readWithStatus(usersFile, bytesMax: UsersFileOption.bytesMax)
      if let opening = UsersFile.Opening(mode: status.mode) {
        StandardError.print(
          "\(usersFile) \(opening.fault): no gateway accepts it like that; run chmod \(opening.mode) \(usersFile)")
      }
      return bytes
    } catch {
      if error.isNotThere { return nil }
      throw error
    }
  }

  private func said(_ lines: [String], _ status: ExitCode) -> ExitCode {
    for line in lines { StandardError.print(line) }
    return status
  }
}
