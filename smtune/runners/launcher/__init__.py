"""The *launcher* starts the processes of a runner, and ends them without leaving any; runners talk to its client.

::

    smtune  --control socket--  launcher  --link--  keeper  --  process: a session of its own, and its descendants

The launcher is a process of its own because forking is only safe, and only cheap, where one small thread runs. Each
process has a *keeper* between itself and the launcher. The keeper adopts whatever the process leaves behind (on
Linux), so it ends exactly the descendants of this process, daemons included. Each member of the chain ends what is
below it when the one above is gone, however it went: its end of the socket between them is closed then.

The control socket carries JSON behind a four-byte length. To the launcher::

    {"do": "start", "id": 7, "argv": [...], "env": {...}, "cwd": "...", "namespace": null}
                                            and three descriptors: stdin, stdout, stderr
    {"do": "ask", "id": 7}                  SIGTERM to the process group
    {"do": "end", "id": 7}                  SIGKILL to everything that is left

and back: ``{"ready": true}`` once, then for each process ``{"id": 7, "running": 4711}`` followed by one of
``{"id": 7, "exit": wait_status}``, ``{"id": 7, "error": "cannot start ..."}`` and ``{"id": 7, "lost": wait_status}``,
where ``lost`` tells of a keeper that was killed. Strings are UTF-8 with the bytes of other encodings escaped.

A launcher can import modules beforehand. Python scripts then run in forks of it, which saves them those imports. The
launcher itself must never compute: a thread pool of OpenMP does not survive a fork.

``client`` and ``notices`` are smtune's end; ``program``, ``keeper`` and ``script`` run in the processes above and import the standard
library only.
"""
