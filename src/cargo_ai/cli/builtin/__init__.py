"""The commands that are written by hand, by name, in the order in which help shows them."""

COMMANDS = {
    "server": "Start, stop and look after a server of your own.",
    "login": "Sign in to a server with a token.",
    "logout": "Forget the token of the current server.",
    "whoami": "Show who you are, in which workspace, on which server.",
    "doctor": "Check this installation, the server and the sign-in.",
    "api": "Send any request to the API, signed in.",
    "completion": "Print the completion script for a shell.",
    "version": "Print the version.",
    "help": "Show the help of a room, a group or a command.",
}
