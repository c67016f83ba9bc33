# Installs the programs of a release. This file belongs into a tap, as Formula/pop3.rb.
class Pop3 < Formula
  desc "POP3 client for scripts: one command, one session, text or JSON"
  homepage "@REPOSITORY@"
  version "@VERSION@"
  license any_of: ["MIT", "Apache-2.0"]

  on_macos do
    on_arm do
      url "@URL@/pop3-v@VERSION@-aarch64-apple-darwin.tar.gz"
      sha256 "@SHA256 pop3-v@VERSION@-aarch64-apple-darwin.tar.gz@"
    end
    on_intel do
      url "@URL@/pop3-v@VERSION@-x86_64-apple-darwin.tar.gz"
      sha256 "@SHA256 pop3-v@VERSION@-x86_64-apple-darwin.tar.gz@"
    end
  end

  on_linux do
    on_arm do
      url "@URL@/pop3-v@VERSION@-aarch64-unknown-linux-musl.tar.gz"
      sha256 "@SHA256 pop3-v@VERSION@-aarch64-unknown-linux-musl.tar.gz@"
    end
    on_intel do
      url "@URL@/pop3-v@VERSION@-x86_64-unknown-linux-musl.tar.gz"
      sha256 "@SHA256 pop3-v@VERSION@-x86_64-unknown-linux-musl.tar.gz@"
    end
  end

  def install
    bin.install "pop3"
    man1.install Dir["man/*.1"]
    man5.install Dir["man/*.5"]
    man7.install Dir["man/*.7"]
    pkgshare.install "examples"
    bash_completion.install "completions/pop3.bash" => "pop3"
    zsh_completion.install "completions/_pop3"
    fish_completion.install "completions/pop3.fish"
    pwsh_completion.install "completions/_pop3.ps1"
  end

  test do
    assert_match "pop3 #{version}", shell_output("#{bin}/pop3 --version")
    # Nothing listens on port 1: exit code 69, "unavailable".
    ENV["POP3_PASSWORD"] = "secret"
    shell_output("#{bin}/pop3 --host 127.0.0.1 --port 1 --tls none --user alice status 2>&1", 69)
  end
end
