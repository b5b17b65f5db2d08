/**
 * `znip completion`, and the hidden `__members` that the completions call: their options and help.
 */
import { Argument } from 'commander';
import type { CliCommand } from '../args/cli-command.ts';
import { addExamples } from '../args/command.ts';
import type { Shell } from './run.ts';

export function defineCompletion(program: CliCommand): void {
  const completion = program
    .command('completion')
    .description('print a script that lets a shell complete commands, options and members')
    .addArgument(new Argument('<shell>', 'the shell').choices(['bash', 'zsh', 'fish']));
  addExamples(
    completion,
    `source <(znip completion bash)                     in ~/.bashrc
source <(znip completion zsh)                      in ~/.zshrc, after compinit
znip completion fish > ~/.config/fish/completions/znip.fish

Names of members come from the archive's index, one directory level at a time.`,
  );
  completion.does(async (context, shell: Shell) => {
    const { runCompletion } = await import('./run.ts');
    await runCompletion(context, shell, program);
  });
  program
    .command('__members', { hidden: true })
    .argument('<archive>')
    .argument('[prefix]')
    .helpOption(false)
    .does(async (context, archive: string, prefix: string | undefined) => {
      const { runMembers } = await import('./members.ts');
      await runMembers(context, archive, prefix ?? '');
    });
}
