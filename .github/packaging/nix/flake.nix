{
  description = "POP3 client for scripts: one command, one session, text or JSON";

  inputs = {
    nixpkgs.url = "github:NixOS/nixpkgs/nixpkgs-unstable";
    pop3 = {
      url = "git+@REPOSITORY@?ref=refs/tags/v@VERSION@";
      flake = false;
    };
  };

  outputs =
    { nixpkgs, pop3, ... }:
    let
      systems = [ "x86_64-linux" "aarch64-linux" "x86_64-darwin" "aarch64-darwin" ];
      forAll = function: nixpkgs.lib.genAttrs systems (system: function nixpkgs.legacyPackages.${system});
    in
    {
      packages = forAll (pkgs: {
        default = pkgs.rustPlatform.buildRustPackage {
          pname = "pop3-cli";
          version = "@VERSION@";
          src = pop3;
          cargoLock.lockFile = "${pop3}/Cargo.lock";
          nativeBuildInputs = [ pkgs.installShellFiles ];
          # The integration tests start network servers; they run in the project's CI.
          cargoTestFlags = [ "--lib" ];
          postInstall = ''
            installManPage man/*.[157]
            installShellCompletion --bash --name pop3 completions/pop3.bash
            installShellCompletion --zsh completions/_pop3
            installShellCompletion --fish completions/pop3.fish
          '';
          meta = {
            description = "POP3 client for scripts: one command, one session, text or JSON";
            homepage = "@REPOSITORY@";
            license = with nixpkgs.lib.licenses; [ mit asl20 ];
            mainProgram = "pop3";
          };
        };
      });
    };
}
